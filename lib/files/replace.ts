/**
 * Replaces a small text file at once: a reader finds the old text or the new
 * one, never half of it. Synchronous, so that two writers in one worker do not
 * meet at the temporary file.
 *
 * @module
 */

import { removeIfThere } from "./if-there.ts";
import { basename, dirname, join } from "@std/path/posix";
import { LocalError } from "../errors.ts";

/** Returns the path at which the new text of `path` is written before it is renamed. */
export function besideOf(path: string): string {
  return join(dirname(path), `.${basename(path)}.tmp`);
}

/**
 * Writes `text` beside `path` and renames it into place, with exactly the
 * permission bits of `mode`.
 *
 * @throws {LocalError} If the file cannot be written; the old one is still there then.
 */
export function replaceFile(path: string, text: string, mode: number): void {
  const temporary = besideOf(path);
  try {
    // What a run that was killed, or found no space, may have left.
    removeIfThere(temporary);
    // A new file: whatever somebody laid in the way is not followed, and not written through.
    Deno.writeTextFileSync(temporary, text, { createNew: true });
    Deno.chmodSync(temporary, mode);
    Deno.renameSync(temporary, path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new LocalError(`Cannot write "${path}": ${reason}`, {
      cause,
      hint: `check the owner, permissions and free space of ${dirname(path)}`,
    });
  }
}
