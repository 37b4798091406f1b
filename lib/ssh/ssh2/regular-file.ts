/**
 * Reading the small files that a connection is made with, without waiting for
 * what is no file.
 *
 * @module
 */

import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  type Stats,
  statSync,
} from "node:fs";

/** Why a file cannot be read, in words that follow `Cannot read FILE: `. */
export class UnreadableError extends Error {}

/**
 * Reads the text of a regular file of at most `longest` bytes. `look` is shown
 * the file that is read, and may refuse it.
 *
 * @throws {UnreadableError} If it is not one, or relais may not read it.
 */
export function readRegularFile(
  path: string,
  { longest, look = () => {} }: {
    readonly longest: number;
    readonly look?: (stat: Stats) => void;
  },
): string {
  let file: number | undefined;
  try {
    // Opening a device may do something, and opening a socket fails in words of its own.
    refuseIrregular(statSync(path), longest);
    // Opening a FIFO would wait for its writer, if one has come in between.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = fstatSync(file);
    refuseIrregular(stat, longest);
    look(stat);
    return readFileSync(file, "utf8");
  } catch (error) {
    throw explained(error);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function refuseIrregular(stat: Stats, longest: number): void {
  const kind = kindOf(stat);
  if (kind !== null) {
    throw new UnreadableError(`it is ${kind}, not a regular file`);
  }
  if (stat.size > longest) {
    throw new UnreadableError(
      `it has ${stat.size} bytes, more than ${longest}`,
    );
  }
}

/** Names what is no regular file. */
function kindOf(stat: Stats): string | null {
  if (stat.isFile()) return null;
  if (stat.isDirectory()) return "a directory";
  if (stat.isFIFO()) return "a FIFO";
  if (stat.isSocket()) return "a socket";
  return "a device";
}

/** Puts the codes of the system that are worth it into words. */
function explained(error: unknown): unknown {
  const { code, message } = error as { code?: string; message: string };
  // A module may not go near devices and /proc.
  if (error instanceof Deno.errors.NotCapable) {
    return new UnreadableError(
      "it is a system file, not a regular file",
      { cause: error },
    );
  }
  if (code === undefined) return error;
  switch (code) {
    case "ENOENT":
      return new UnreadableError("there is no such file", { cause: error });
    case "EACCES":
    case "EPERM":
      return new UnreadableError("permission denied", { cause: error });
    case "ELOOP":
      return new UnreadableError("its symbolic links form a loop", {
        cause: error,
      });
    default:
      return new UnreadableError(message, { cause: error });
  }
}
