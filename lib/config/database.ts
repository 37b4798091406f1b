/**
 * The database that nodes share, as the configuration names it.
 *
 * @module
 */

import { type Address, parseAddress } from "./address.ts";
import type { ClusterConfig } from "./config.ts";

/** How the database of a cluster is reached. */
export interface DatabaseConfig {
  readonly address: Address;
  /** File with the password; `null`: it is in {@link pgpass}, or the database asks for none. */
  readonly passwordFile: string | null;
  /** The file in which PostgreSQL's own programs look for passwords, which need not be there. */
  readonly pgpass?: string;
  /** File with the certificates of the authorities that may have signed the database's. */
  readonly ca: string | null;
  /** What the nodes share; the schema of its tables has this name. */
  readonly name: string;
  readonly leaseMs: number;
}

/** Returns how the database of a cluster is reached. */
export function databaseOf(
  { database, passwordFile, ca, name, leaseMs }: ClusterConfig,
): DatabaseConfig {
  const parsed = parseAddress(database);
  // The configuration was refused else.
  if ("reason" in parsed) throw new Error(parsed.reason);
  const { address } = parsed;
  const pgpass = passwordFile === null ? pgpassOfAccount() : {};
  return { address, passwordFile, ...pgpass, ca, name, leaseMs };
}

/** Returns the file of this account. */
function pgpassOfAccount(): Pick<DatabaseConfig, "pgpass"> {
  const home = Deno.env.get("HOME") ?? "";
  return home.startsWith("/") ? { pgpass: `${home}/.pgpass` } : {};
}
