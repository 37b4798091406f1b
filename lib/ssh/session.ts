/**
 * An SFTP session: the requests relais makes of a server, each with its time
 * limit. SFTP version 3, draft-ietf-secsh-filexfer-02.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Attributes, FileEntry, SFTPWrapper } from "ssh2";
import { FileError, type RelaisError, UnreachableError } from "../errors.ts";
import { RequestWatch } from "./request-watch.ts";
import type { SshSocket } from "./socket.ts";

/** An open file or directory on a server. */
export type Handle = Buffer;

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

/** One name in a directory. */
export interface DirectoryEntry {
  /** As the server spells it: to be checked before it is used. U+FFFD stands for bytes that are not UTF-8. */
  readonly name: string;
  readonly stat: FileStat;
}

/** Answers of a server that concern one file, as SSH_FXP_STATUS names them. */
export const sftpCodes = [
  "no such file",
  "permission denied",
  "failure",
] as const;
export type SftpCode = typeof sftpCodes[number];

/** A server did not do what was asked with one file; the session goes on. */
export class SftpError extends FileError {
  override readonly name = "SftpError";

  constructor(
    message: string,
    readonly code: SftpCode,
    options: ErrorOptions = {},
  ) {
    super(message, { ...options, retriable: code === "failure" });
  }
}

/** What `SFTPWrapper` keeps to itself: the READ length that the server announced. */
interface Internals {
  readonly _maxReadLen?: number;
}

/** READ length that every server must answer, draft section 3. */
const safeReadLength = 32 * 1024;

/** How long an orderly end may take before the socket is destroyed. */
const endMs = 500;

/** Callback of ssh2's requests. */
type Callback<Result> = (
  error: Error | null | undefined,
  result: Result,
) => void;

/**
 * One SFTP session. Any number of requests may be under way at once. A request
 * that is not answered in time, or a lost connection, ends the whole session:
 * all that is under way is rejected with an UnreachableError.
 */
export class SftpSession implements AsyncDisposable {
  /** Name of the server. */
  readonly server: string;
  readonly #sftp: SFTPWrapper;
  readonly #socket: SshSocket;
  readonly #endClient: () => void;
  readonly #watch: RequestWatch;

  /** Made by `connect()`. */
  constructor(
    server: string,
    { sftp, socket, endClient, requestMs }: {
      sftp: SFTPWrapper;
      socket: SshSocket;
      endClient: () => void;
      requestMs: number;
    },
  ) {
    this.server = server;
    this.#sftp = sftp;
    this.#socket = socket;
    this.#endClient = endClient;
    this.#watch = new RequestWatch(requestMs, () => {
      this.break(
        new UnreachableError(
          `Cannot go on with ${server}: a request was not answered within ${
            requestMs / 1_000
          } s`,
          { hint: "see its load and its disk, or raise limits.request" },
        ),
      );
    });
    sftp.on("error", (cause: Error) => this.break(lost(server, cause)));
    sftp.on("close", () => this.break(lost(server)));
  }

  /** The longest READ the server answers in full, in bytes. */
  get maxRead(): number {
    return (this.#sftp as Internals)._maxReadLen ?? safeReadLength;
  }

  /** Bytes on the wire since the connection was opened. */
  get wireBytes(): { readonly received: number; readonly sent: number } {
    const { received, sent } = this.#socket;
    return { received, sent };
  }

  /** Follows a symbolic link. @throws {SftpError} */
  async stat(path: string): Promise<FileStat> {
    const stats = await this.#ask<Attributes>(
      `stat ${path}`,
      (done) => this.#sftp.stat(path, done),
    );
    return fileStat(path, stats);
  }

  /** Does not follow a symbolic link. @throws {SftpError} */
  async lstat(path: string): Promise<FileStat> {
    const stats = await this.#ask<Attributes>(
      `stat ${path}`,
      (done) => this.#sftp.lstat(path, done),
    );
    return fileStat(path, stats);
  }

  /** Opens a file for reading. @throws {SftpError} */
  async open(path: string): Promise<Handle> {
    return await this.#ask<Handle>(
      `open ${path}`,
      (done) => this.#sftp.open(path, "r", done),
    );
  }

  /** @throws {SftpError} */
  async fstat(handle: Handle): Promise<FileStat> {
    const stats = await this.#ask<Attributes>(
      "stat an open file",
      (done) => this.#sftp.fstat(handle, done),
    );
    return fileStat("an open file", stats);
  }

  /**
   * Reads at most `length` bytes, of which there must be at most
   * {@link maxRead}. Fewer may come, legally; none at the end of the file.
   *
   * @throws {SftpError}
   */
  async read(
    handle: Handle,
    position: number,
    length: number,
  ): Promise<Uint8Array> {
    if (length === 0) return new Uint8Array(0);
    const bytes = Buffer.allocUnsafeSlow(length);
    const read = await this.#ask<number>(
      "read",
      (done) =>
        this.#sftp.read(
          handle,
          bytes,
          0,
          length,
          position,
          (error, count) => done(error, count),
        ),
    );
    return bytes.subarray(0, read);
  }

  /** Closes a file or a directory. @throws {SftpError} */
  async close(handle: Handle): Promise<void> {
    await this.#ask<void>(
      "close",
      (done) => this.#sftp.close(handle, (error) => done(error)),
    );
  }

  /** Reads a whole directory, without `.` and `..` and names that contain `/`. @throws {SftpError} */
  async list(path: string): Promise<DirectoryEntry[]> {
    const handle = await this.#ask<Handle>(
      `list ${path}`,
      (done) => this.#sftp.opendir(path, done),
    );
    try {
      const entries: DirectoryEntry[] = [];
      for (
        let names;
        (names = await this.#readNames(path, handle)).length > 0;
      ) {
        for (const { filename: name, attrs } of names) {
          if (name === "." || name === ".." || name.includes("/")) continue;
          entries.push({
            name,
            stat: fileStat(`${path}/${name}`, attrs),
          });
        }
      }
      return entries;
    } finally {
      this.close(handle).catch(
        () => {/* the listing is complete, or its own error tells more */},
      );
    }
  }

  /** Ends the session, orderly if the server still listens. Idempotent; whatever is under way is rejected. */
  end(): void {
    this.#watch.break(
      new UnreachableError(`the session with ${this.server} has ended`),
    );
    this.#endClient();
    // A frozen peer does not answer an orderly end.
    Deno.unrefTimer(setTimeout(() => this.#socket.destroy(), endMs));
  }

  /** Ends the session because of `error`, which rejects whatever is under way. Idempotent. */
  break(error: RelaisError): void {
    this.#watch.break(error);
    this.#socket.destroy();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.end();
    return Promise.resolve();
  }

  async #readNames(path: string, handle: Handle): Promise<FileEntry[]> {
    return await this.#ask<FileEntry[]>(
      `list ${path}`,
      (done) =>
        this.#sftp.readdir(handle, (error, names) => {
          const ended = (error as { code?: number } | undefined)?.code ===
            statusCode.endOfFile;
          done(ended ? null : error, ended ? [] : names);
        }),
    );
  }

  #ask<Result>(
    what: string,
    request: (done: Callback<Result>) => void,
  ): Promise<Result> {
    return this.#watch.run((resolve, reject) =>
      request((error, result) => {
        if (error) reject(this.#translate(what, error));
        else resolve(result);
      })
    );
  }

  #translate(what: string, error: Error & { code?: unknown }): RelaisError {
    const code = typeof error.code === "number"
      ? codes.get(error.code)
      : undefined;
    if (code === undefined && typeof error.code !== "number") {
      return lost(this.server, error);
    }
    return new SftpError(
      `Cannot ${what} on ${this.server}: ${
        code ?? error.message.toLowerCase()
      }`,
      code ?? "failure",
      { cause: error },
    );
  }
}

/** SSH_FX_* of the draft, section 7. */
const statusCode = {
  endOfFile: 1,
  noSuchFile: 2,
  permissionDenied: 3,
  failure: 4,
} as const;

const codes = new Map<number, SftpCode>([
  [statusCode.noSuchFile, "no such file"],
  [statusCode.permissionDenied, "permission denied"],
  [statusCode.failure, "failure"],
]);

function lost(server: string, cause?: Error): UnreachableError {
  const why = cause === undefined ? "the server closed it" : cause.message;
  return new UnreachableError(
    `Cannot go on with ${server}: the connection was lost (${why})`,
    {
      cause,
      hint: "see the network and the server's log",
    },
  );
}

/** File types of a mode, stat(2). */
const typeMask = 0o170000;
const kinds = new Map<number, FileStat["kind"]>([
  [0o100000, "file"],
  [0o040000, "directory"],
  [0o120000, "symlink"],
]);

function fileStat(path: string, { mode, size, mtime }: Attributes): FileStat {
  if (!Number.isSafeInteger(size) || size < 0) {
    throw new SftpError(
      `Cannot use ${path}: the server says it has ${size} bytes`,
      "failure",
    );
  }
  return {
    kind: kinds.get(mode & typeMask) ?? "other",
    size,
    mode: mode & 0o7777,
    mtime,
  };
}
