/**
 * What a server says of a file: ATTRS of draft-ietf-secsh-filexfer-02,
 * section 5, where every part is optional and none can be relied on.
 *
 * @module
 */

import type { Attributes } from "../sftp/answers.ts";
import { SftpError } from "./sftp-error.ts";

/** What a server says of a file. */
export interface FileStat {
  readonly kind: "file" | "directory" | "symlink" | "other";
  /** Bytes, a safe integer. */
  readonly size: number;
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number;
  /** Seconds since the epoch: SFTP has no finer. */
  readonly mtime: number;
}

/** What a server says of an open file; what it does not tell is `null`. */
export interface OpenFileStat {
  /** Bytes, a safe integer. */
  readonly size: number | null;
  /** Seconds since the epoch. */
  readonly mtime: number | null;
}

/** File types of a mode, stat(2). */
const typeMask = 0o170000;
const kinds = new Map<number, FileStat["kind"]>([
  [0o100000, "file"],
  [0o040000, "directory"],
  [0o120000, "symlink"],
]);

/**
 * Reads the attributes of `path`.
 *
 * @throws {SftpError} If it is not said what it is, or if it is a file without
 *   a date, or without a size that can be.
 */
export function fileStat(
  path: string,
  { mode, size, mtime }: Attributes,
): FileStat {
  if (mode === undefined || (mode & typeMask) === 0) {
    throw unusable(path, "the server does not tell whether it is a file");
  }
  const kind = kinds.get(mode & typeMask) ?? "other";
  // What is no file is not copied: its size and date do not matter.
  if (kind !== "file") {
    return { kind, size: 0, mode: mode & 0o7777, mtime: mtime ?? 0 };
  }
  if (size === undefined || mtime === undefined) {
    throw unusable(path, "the server does not tell both its size and its date");
  }
  return { kind, size: possible(path, size), mode: mode & 0o7777, mtime };
}

/**
 * Reads the attributes of a file that is open.
 *
 * @throws {SftpError} If it has a size that cannot be.
 */
export function openFileStat(
  path: string,
  { size, mtime }: Attributes,
): OpenFileStat {
  return {
    size: size === undefined ? null : possible(path, size),
    mtime: mtime ?? null,
  };
}

function possible(path: string, size: number): number {
  if (Number.isSafeInteger(size)) return size;
  throw unusable(path, `the server reports an impossible size, ${size} bytes`);
}

function unusable(path: string, what: string): SftpError {
  return new SftpError(`Cannot use ${path}`, "failure", { reason: what });
}
