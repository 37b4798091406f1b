/**
 * Replaces a small file at once: a reader finds the old contents or the new
 * ones, never half of them. Synchronous, so that two writers in one worker do not
 * meet at the temporary file.
 *
 * @module
 */

import { removeIfThere } from "./if-there.ts";
import { basename, dirname, join } from "@std/path/posix";
import { LocalError } from "../errors.ts";
import { systemReason } from "../text/system-reason.ts";

/** Returns the path at which the new contents of `path` are written before it is renamed. */
export function besideOf(path: string): string {
  return join(dirname(path), `.${basename(path)}.tmp`);
}

/**
 * Writes `contents` beside `path` and renames it into place, with exactly the
 * permission bits of `rights`, or with what that gives to the file at a path.
 *
 * @param temporary Where it is written before, if others may write beside `path`, too.
 * @throws {LocalError} If the file cannot be written; the old one is still there then.
 */
export function replaceFile(
  path: string,
  contents: string | Uint8Array,
  rights: number | ((path: string) => void),
  temporary = besideOf(path),
): void {
  const bytes = typeof contents === "string"
    ? new TextEncoder().encode(contents)
    : contents;
  try {
    // What a run that was killed, or found no space, may have left.
    removeIfThere(temporary);
    // A new file: whatever somebody laid in the way is not followed, and not written through.
    Deno.writeFileSync(temporary, bytes, { createNew: true });
    if (typeof rights === "number") Deno.chmodSync(temporary, rights);
    else rights(temporary);
    Deno.renameSync(temporary, path);
  } catch (cause) {
    const directory = nameOf(dirname(path));
    throw new LocalError(
      `Cannot write "${join(directory, basename(path))}": ${
        systemReason(cause)
      }`,
      {
        cause,
        hint: `check the owner, permissions and free space of ${directory}`,
      },
    );
  }
}

/** Returns the path of a directory by which people know it: one that is held open may be reached by its number. */
function nameOf(directory: string): string {
  try {
    return Deno.realPathSync(directory);
  } catch {
    // It is gone, or this module may not look.
    return directory;
  }
}
