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
  /** File with the password; `null`: the database asks for none. */
  readonly passwordFile: string | null;
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
  return { address, passwordFile, ca, name, leaseMs };
}
