/**
 * The accounts that the system knows, wherever it keeps them: getent(1).
 *
 * @module
 */

/** What the system knows of an account. */
export interface Entry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** Looks an account up by its name or its number. */
export function lookUp(key: string): Entry | undefined {
  const { stdout } = new Deno.Command("getent", {
    args: ["passwd", key],
    stdin: "null",
    stderr: "null",
  }).outputSync();
  const [name, , uid, gid, , home] = new TextDecoder().decode(stdout).trim()
    .split(":");
  if (!name || home === undefined) return undefined;
  return { name, uid: Number(uid), gid: Number(gid), home };
}
