/**
 * The accounts that the system knows, wherever it keeps them: getent(1).
 *
 * @module
 */

import { getent } from "../config/accounts.ts";

/** An account of this machine. */
export interface Entry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** Looks an account up by its name or its number. */
export function lookUp(key: string): Entry | undefined {
  const [name, , uid, gid, , home] = getent("passwd", key).trim().split(":");
  if (!name || home === undefined) return undefined;
  return { name, uid: Number(uid), gid: Number(gid), home };
}
