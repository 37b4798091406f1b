/**
 * The requests that relais makes of a server, whichever worker has the session:
 * what reads a list or walks a tree need not know where that is.
 *
 * @module
 */

import type { FileStat, OpenFileStat } from "./file-stat.ts";
import type { DirectoryEntry, Handle } from "./session.ts";

/** An SFTP session to its users; see `SftpSession`. A handle means something to the session that opened it alone. */
export interface SessionRequests {
  /** Name of the server. */
  readonly server: string;
  /** The longest READ that is answered in full, in bytes. */
  readonly maxRead: number;
  /** How long a request may make no progress, in milliseconds. */
  readonly requestMs: number;
  /** Follows a symbolic link. @throws {SftpError} */
  stat(path: string): Promise<FileStat>;
  /** Does not follow a symbolic link. @throws {SftpError} */
  lstat(path: string): Promise<FileStat>;
  /** Returns where a path leads past all symbolic links, absolute. @throws {SftpError} */
  realPath(path: string): Promise<string>;
  /** Opens a file for reading. @throws {SftpError} */
  open(path: string): Promise<Handle>;
  /** @throws {SftpError} */
  fstat(handle: Handle): Promise<OpenFileStat>;
  /** Reads at most `length` bytes, into `memory` if that suits; none come at the end of the file. @throws {SftpError} */
  read(
    handle: Handle,
    position: number,
    length: number,
    memory?: ArrayBuffer,
  ): Promise<Uint8Array>;
  /** @throws {SftpError} */
  close(handle: Handle): Promise<void>;
  /** Yields the names of a directory, some at a time. @throws {SftpError} */
  list(path: string): AsyncGenerator<DirectoryEntry[]>;
}
