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
  const [name, , uid, gid, , home] = ask(key).trim().split(":");
  if (!name || home === undefined) return undefined;
  return { name, uid: Number(uid), gid: Number(gid), home };
}

function ask(key: string): string {
  try {
    const { stdout } = new Deno.Command("getent", {
      args: ["passwd", key],
      stdin: "null",
      stderr: "null",
    }).outputSync();
    return new TextDecoder().decode(stdout);
  } catch (error) {
    // A system so small has accounts by number.
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
