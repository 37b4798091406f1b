/**
 * An SFTP session: the requests relais makes of a server, each with its time
 * limit. SFTP version 3, draft-ietf-secsh-filexfer-02.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Attributes, FileEntry, SFTPWrapper } from "ssh2";
import { type RelaisError, StuckError, UnreachableError } from "../errors.ts";
import {
  isAnything,
  isAttributes,
  isCount,
  isHandle,
  isNames,
  isProtocolError,
  isText,
  misfit,
  protocolBroken,
  refuseOtherThanData,
} from "./answers.ts";
import {
  type FileStat,
  fileStat,
  type OpenFileStat,
  openFileStat,
} from "./file-stat.ts";
import { peerText } from "./peer-text.ts";
import { RequestWatch } from "./request-watch.ts";
import { SftpError, sftpError, statusCode } from "./sftp-error.ts";
import type { SshSocket } from "./socket.ts";

export type { FileStat };
export { SftpError };

/** An open file or directory on a server. */
export type Handle = Buffer;

/** One name in a directory. */
export interface DirectoryEntry {
  /** As the server spells it: to be checked before it is used. U+FFFD stands for bytes that are not UTF-8. */
  readonly name: string;
  /** Why it cannot be used, if what the server says of it cannot be. */
  readonly stat: FileStat | SftpError;
}

/** What `SFTPWrapper` keeps to itself: what the server announced with `limits@openssh.com`. */
interface Internals {
  _maxReadLen?: number;
  readonly maxOpenHandles?: number;
}

/** READ length that every server must answer, draft section 3. */
const safeReadLength = 32 * 1024;

/** The longest one asked for, OpenSSH's: ssh2 takes packets of up to 256 KiB. */
const longestReadLength = 255 * 1024;

/** Characters of a path, at most: PATH_MAX of Linux. */
const longestPath = 4_096;

/** Files that every server lets us open at a time: an old UNIX gives a process 64 descriptors. */
const safeHandles = 48;

/** Callback of ssh2's requests. */
type Callback<Result> = (
  error: Error | null | undefined,
  result: Result,
) => void;

/**
 * One SFTP session. Any number of requests may be under way at once. A request
 * that is not answered in time, or a lost connection, ends the whole session:
 * all that is under way is rejected with an UnreachableError, the request that
 * the others waited behind with a StuckError.
 */
export class SftpSession implements AsyncDisposable {
  /** Name of the server. */
  readonly server: string;
  readonly #sftp: SFTPWrapper;
  readonly #socket: SshSocket;
  readonly #endClient: () => void;
  readonly #watch: RequestWatch;
  readonly #maxRead: number;
  /** Files that may be open at a time. */
  readonly maxHandles: number;
  /** How long a request may make no progress. */
  readonly requestMs: number;
  /** The agreed algorithms that only `algorithms = "legacy"` offers. */
  readonly weak: readonly string[];

  /** Made by `connect()`. */
  constructor(
    server: string,
    { sftp, socket, endClient, requestMs, weak }: {
      sftp: SFTPWrapper;
      socket: SshSocket;
      endClient: () => void;
      requestMs: number;
      weak: readonly string[];
    },
  ) {
    this.server = server;
    this.#sftp = sftp;
    this.#socket = socket;
    this.#endClient = endClient;
    this.#maxRead = maxReadOf(sftp);
    // ssh2 makes many requests of a READ that is longer than what it knows.
    (sftp as Internals)._maxReadLen = this.#maxRead;
    this.maxHandles = (sftp as Internals).maxOpenHandles ?? safeHandles;
    this.#watch = new RequestWatch(requestMs, (what) => {
      const within = `${requestMs / 1_000} s`;
      const hint =
        `check the load and the disk of ${server}, or raise limits.request`;
      this.break(
        new UnreachableError(
          `Lost ${server}: no reply to an SFTP request within ${within}`,
          { hint },
        ),
        new StuckError(
          `Cannot ${what} on ${server}: no answer within ${within}`,
          { hint },
        ),
      );
    }, () => socket.received);
    this.requestMs = requestMs;
    this.weak = weak;
    sftp.on(
      "error",
      (cause: Error) => this.break(connectionLost(server, cause)),
    );
    sftp.on("close", () => this.break(connectionLost(server)));
  }

  /** The longest READ the server answers in full, in bytes: 255 KiB for OpenSSH, else as a rule 32 KiB. */
  get maxRead(): number {
    return this.#maxRead;
  }

  /** True once it has ended: every request is rejected from then on. */
  get hasEnded(): boolean {
    return this.#watch.isBroken;
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
      isAttributes,
      (done) => this.#sftp.stat(path, done),
    );
    return fileStat(path, stats);
  }

  /** Does not follow a symbolic link. @throws {SftpError} */
  async lstat(path: string): Promise<FileStat> {
    const stats = await this.#ask<Attributes>(
      `stat ${path}`,
      isAttributes,
      (done) => this.#sftp.lstat(path, done),
    );
    return fileStat(path, stats);
  }

  /** Returns where a path leads past all symbolic links, absolute. Some servers look up none. @throws {SftpError} */
  async realPath(path: string): Promise<string> {
    const what = `resolve ${path}`;
    const real = await this.#ask<string>(
      what,
      isText,
      (done) => this.#sftp.realpath(path, done),
    );
    if (real.startsWith("/") && real.length <= longestPath) {
      return real.replace(/(?<=.)\/+$/, "");
    }
    throw new SftpError(`Cannot ${what} on ${this.server}`, "failure", {
      reason: "the server tells no path",
    });
  }

  /** Opens a file for reading. @throws {SftpError} */
  async open(path: string): Promise<Handle> {
    return await this.#ask<Handle>(
      `open ${path}`,
      isHandle,
      (done) => this.#sftp.open(path, "r", done),
    );
  }

  /** @throws {SftpError} */
  async fstat(handle: Handle): Promise<OpenFileStat> {
    const stats = await this.#ask<Attributes>(
      "stat an open file",
      isAttributes,
      (done) => this.#sftp.fstat(handle, done),
    );
    return openFileStat("an open file", stats);
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
      isCount,
      (done) => {
        this.#sftp.read(
          handle,
          bytes,
          0,
          length,
          position,
          (error, count) => done(error, count),
        );
        refuseOtherThanData(this.#sftp, () => done(misfit("read"), 0));
      },
      length,
    );
    // A few bytes must not hold a buffer for many, nor carry it to another worker.
    return read < length / 2
      ? new Uint8Array(bytes.subarray(0, read))
      : bytes.subarray(0, read);
  }

  /** Closes a file or a directory. @throws {SftpError} */
  async close(handle: Handle): Promise<void> {
    await this.#ask<null>(
      "close",
      isAnything,
      (done) => this.#sftp.close(handle, (error) => done(error, null)),
    );
  }

  /**
   * Yields the names of a directory, as many at a time as the server tells,
   * without `.` and `..` and names that contain `/`. There may be no end of them.
   *
   * @throws {SftpError}
   */
  async *list(path: string): AsyncGenerator<DirectoryEntry[]> {
    const handle = await this.#ask<Handle>(
      `list ${path}`,
      isHandle,
      (done) => this.#sftp.opendir(path, done),
    );
    try {
      for (
        let names;
        (names = await this.#readNames(path, handle)).length > 0;
      ) {
        yield names.filter(({ filename }) => !isNoName(filename))
          .map((name) => directoryEntry(path, name));
      }
    } finally {
      this.close(handle).catch(
        () => {/* the listing is complete, or its own error tells more */},
      );
    }
  }

  /** Ends the session: says goodbye, and waits for no answer. Idempotent; whatever is under way is rejected. */
  async end(): Promise<void> {
    this.#watch.break(
      new UnreachableError(
        `Lost ${this.server}: the session has ended`,
      ),
    );
    this.#endClient();
    await this.#socket.hangUp();
  }

  /**
   * Ends the session because of `error`, which rejects whatever is under way.
   * Idempotent.
   *
   * @param oldest What the request is rejected with that all others wait behind.
   */
  break(error: RelaisError, oldest?: RelaisError): void {
    this.#watch.break(error, oldest);
    this.#socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }

  async #readNames(path: string, handle: Handle): Promise<FileEntry[]> {
    return await this.#ask<FileEntry[]>(
      `list ${path}`,
      isNames,
      (done) =>
        // Not full, ssh2 looks for names in whatever the server has sent.
        this.#sftp.readdir(handle, { full: true }, (error, names) => {
          const ended = (error as { code?: number } | undefined)?.code ===
            statusCode.endOfFile;
          done(ended ? null : error, ended ? [] : names);
        }),
      longestReadLength,
    );
  }

  /** `fits` tells what belongs to the request from what does not. */
  #ask<Result>(
    what: string,
    fits: (answer: unknown) => answer is Result,
    request: (done: Callback<Result>) => void,
    bytes?: number,
  ): Promise<Result> {
    return this.#watch.run(
      (resolve, reject) =>
        request((error, result) => {
          if (error) reject(this.#translate(what, error));
          else if (fits(result)) resolve(result);
          else reject(this.#breakBecause(misfit(what)));
        }),
      what,
      bytes,
    );
  }

  /** What is no status is no answer: then nothing else is worth waiting for. */
  #translate(what: string, error: Error & { code?: unknown }): RelaisError {
    const { code } = error;
    if (typeof code === "number") {
      return sftpError(what, this.server, code, error);
    }
    return this.#breakBecause(error);
  }

  #breakBecause(cause: Error): RelaisError {
    const lost = connectionLost(this.server, cause);
    this.break(lost);
    return lost;
  }
}

/** What cannot be the name of a file, or is that of another directory. */
function isNoName(name: string): boolean {
  return ["", ".", ".."].includes(name) || name.includes("/");
}

function directoryEntry(
  directory: string,
  { filename: name, attrs }: FileEntry,
): DirectoryEntry {
  try {
    return { name, stat: fileStat(`${directory}/${name}`, attrs) };
  } catch (error) {
    // One such name is no reason to leave the others.
    if (error instanceof SftpError) return { name, stat: error };
    throw error;
  }
}

/** A session whose connection is no more. */
export function connectionLost(server: string, cause?: Error): RelaisError {
  if (isProtocolError(cause)) return protocolBroken(server, cause);
  const why = cause === undefined ? "the server closed it" : peerText(cause);
  return new UnreachableError(
    `Lost ${server}: the connection broke (${why})`,
    { cause, hint: `check the network, and read the log of sshd on ${server}` },
  );
}

/** Trusts what a server announces, `limits@openssh.com`, within reason. */
function maxReadOf(sftp: SFTPWrapper): number {
  const announced = (sftp as Internals)._maxReadLen ?? safeReadLength;
  return Math.min(Math.max(announced, safeReadLength), longestReadLength);
}
