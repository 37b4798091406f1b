/**
 * Errors of the file system, and whether they concern one file or all.
 *
 * @module
 */

import { FileError, LocalError, RelaisError } from "../errors.ts";
import { NoRoomError } from "../files/space.ts";
import { systemReason } from "../text/system-reason.ts";

/** There is no room, or we may use no more of it. */
const full = new Set(["ENOSPC", "EDQUOT"]);

/** Trouble with the disk that no other file would escape. */
const diskTrouble = new Set([
  ...full,
  "EROFS",
  "EIO",
  "EMFILE",
  "ENFILE",
]);

/** Says of an error from the file system whether it concerns `path` alone, or the disk. */
export function translate(error: unknown, path: string): unknown {
  if (error instanceof RelaisError || !(error instanceof Error)) return error;
  const { code } = error as { code?: string };
  if (code === undefined) return error;
  if (!diskTrouble.has(code)) {
    return new FileError(`Cannot place ${path}: ${systemReason(error)}`, {
      cause: error,
    });
  }
  const kind = full.has(code) ? NoRoomError : LocalError;
  return new kind(`Cannot write ${path}: ${systemReason(error)}`, {
    cause: error,
    hint: code.endsWith("FILE")
      ? "allow more open files (ulimit -n, LimitNOFILE=), or lower copy.parallel"
      : "check the owner, permissions and free space of replica.into",
  });
}
