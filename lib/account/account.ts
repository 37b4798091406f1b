/**
 * The account that a replica, or a publisher, belongs to: what it has written, nobody else is to
 * write.
 *
 * @module
 */

import { lookUp } from "./passwd.ts";
import { type ServiceSettings, valuesOf } from "../systemd/installed.ts";

export interface Account {
  /** Its name; its number if it has none. */
  readonly name: string;
  /** `null` for one that systemd makes up while it runs. */
  readonly ids: Ids | null;
  readonly home: string;
  /** The path or unit by which it was found. */
  readonly owns: string;
}

interface Ids {
  readonly uid: number;
  readonly gid: number;
}

/** The directories whose owner is asked for. */
export interface Owned {
  /** Where relais keeps what it remembers. */
  readonly state: string;
  /** The copy, or the export. */
  readonly into: string;
}

/**
 * Returns the account of a replica or a publisher: who owns its state; before
 * there is one, whom the installed service runs as; before there is one, who owns
 * the copy, or the export.
 * `undefined` if nothing says. root is an account like any other.
 */
export async function accountOf(
  { state, into }: Owned,
  installed: () => Promise<ServiceSettings | undefined>,
): Promise<Account | undefined> {
  const owner = ownerOf(state);
  if (owner !== undefined) return numbered(owner, state);
  const user = valuesOf(await installed() ?? [], "User").at(-1);
  if (user !== undefined) return named(user, "the installed service");
  const copier = ownerOf(into);
  return copier && numbered(copier, into);
}

function ownerOf(path: string): Ids | undefined {
  try {
    const { uid, gid } = Deno.statSync(path);
    return { uid: uid!, gid: gid! };
  } catch {
    // Nothing there says nothing.
    return undefined;
  }
}

function numbered(ids: Ids, owns: string): Account {
  const { name, home } = lookUp(String(ids.uid)) ??
    { name: String(ids.uid), home: "/" };
  return { name, ids, home, owns };
}

function named(name: string, owns: string): Account {
  const { home = "/", ...ids } = lookUp(name) ?? {};
  return { name, ids: "uid" in ids ? ids : null, home, owns };
}
