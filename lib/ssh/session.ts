/**
 * An SFTP session: the requests relais makes of a server, each with its time
 * limit. SFTP version 3, draft-ietf-secsh-filexfer-02.
 *
 * @module
 */

import {
  type RelaisError,
  StuckError,
  UnreachableError,
  UnusableError,
} from "../errors.ts";
import type { Handle, Limits, Name } from "../sftp/answers.ts";
import type { SftpClient } from "../sftp/client.ts";
import { ProtocolError } from "../sftp/protocol-error.ts";
import * as requests from "../sftp/requests.ts";
import type { Request } from "../sftp/requests.ts";
import { fromWire } from "../sftp/wire-path.ts";
import type { Carrier } from "./carrier.ts";
import {
  type FileStat,
  fileStat,
  type OpenFileStat,
  openFileStat,
} from "./file-stat.ts";
import { NextHandle } from "./next-handle.ts";
import { peerText } from "./peer-text.ts";
import { RequestWatch } from "./request-watch.ts";
import { SftpError, sftpError } from "./sftp-error.ts";
import type { Terms } from "./terms.ts";

export type { FileStat, Handle };
export { SftpError };

/** One name in a directory. */
export interface DirectoryEntry {
  /** As the server spells it: to be checked before it is used. Bytes that are not UTF-8 are read as `fromWire()` does. */
  readonly name: string;
  /** Why it cannot be used, if what the server says of it cannot be. */
  readonly stat: FileStat | SftpError;
}

/** What OpenSSH answered at most before it told its limits, up to 8.4. */
const oldReadLength = 64 * 1024;

/** READ length that every server must answer, draft section 3. */
const safeReadLength = 32 * 1024;

/** The longest one asked for, OpenSSH's: its answer is a packet of 256 KiB at most. */
const longestReadLength = 255 * 1024;

/** Characters of a path, at most: PATH_MAX of Linux. */
const longestPath = 4_096;

/** Files that every server lets us open at a time: an old UNIX gives a process 64 descriptors. */
const safeHandles = 48;

/**
 * One SFTP session. Any number of requests may be under way at once. A request
 * that is not answered in time, or a lost connection, ends the whole session:
 * all that is under way is rejected with an UnreachableError, the request that
 * the others waited behind with a StuckError.
 */
export class SftpSession implements AsyncDisposable {
  /** Name of the server. */
  readonly server: string;
  readonly #sftp: SftpClient;
  readonly #socket: Carrier;
  readonly #endClient: () => void;
  readonly #watch: RequestWatch;
  readonly #nextHandle: NextHandle;
  /** The longest READ the server answers in full, in bytes: 255 KiB for OpenSSH, else as a rule 32 KiB. */
  readonly maxRead: number;
  /** Files that may be open at a time. */
  readonly maxHandles: number;
  /** How long a request may make no progress. */
  readonly requestMs: number;
  /** How it came about. */
  readonly terms: Terms;

  /** Made by `connect()`. */
  constructor(
    server: string,
    { sftp, limits, socket, endClient, requestMs, terms }: {
      sftp: SftpClient;
      limits: Limits | undefined;
      socket: Carrier;
      endClient: () => void;
      requestMs: number;
      terms: Terms;
    },
  ) {
    this.server = server;
    this.#sftp = sftp;
    this.#socket = socket;
    this.#endClient = endClient;
    const opening = socket.opening.toString("latin1");
    this.#nextHandle = new NextHandle(isOpenSsh(opening));
    this.maxRead = maxReadOf(limits, opening);
    this.maxHandles = maxHandlesOf(limits);
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
    this.terms = terms;
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
    return fileStat(path, await this.#ask(`stat ${path}`, requests.stat(path)));
  }

  /** Does not follow a symbolic link. @throws {SftpError} */
  async lstat(path: string): Promise<FileStat> {
    const stats = await this.#ask(`stat ${path}`, requests.lstat(path));
    return fileStat(path, stats);
  }

  /** Returns where a path leads past all symbolic links, absolute. Some servers look up none. @throws {SftpError} */
  async realPath(path: string): Promise<string> {
    const what = `resolve ${path}`;
    const real = fromWire(await this.#ask(what, requests.realpath(path)));
    if (real.startsWith("/") && real.length <= longestPath) {
      return real.replace(/(?<=.)\/+$/, "");
    }
    throw new SftpError(`Cannot ${what} on ${this.server}`, "failure", {
      reason: "the server tells no path",
    });
  }

  /** Opens a file for reading. @throws {SftpError} */
  async open(path: string): Promise<Handle> {
    this.#nextHandle.opening();
    return await this.#ask(`open ${path}`, requests.open(path));
  }

  /** @throws {SftpError} */
  async fstat(handle: Handle): Promise<OpenFileStat> {
    const what = "stat an open file";
    const stats = await this.#ask(what, requests.fstat(handle));
    return openFileStat("an open file", stats);
  }

  /**
   * Reads at most `length` bytes, of which there must be at most
   * {@link maxRead}. Fewer may come, legally; none at the end of the file.
   *
   * @param memory What the answer may be put into.
   * @throws {SftpError}
   */
  async read(
    handle: Handle,
    position: number,
    length: number,
    memory?: ArrayBuffer,
  ): Promise<Uint8Array> {
    if (length === 0) return new Uint8Array(0);
    if (memory !== undefined) this.#sftp.give(memory);
    const request = requests.read(handle, position, length);
    return cutTo(length, await this.#ask("read", request, length));
  }

  /** Closes a file or a directory. @throws {SftpError} */
  async close(handle: Handle): Promise<void> {
    this.#nextHandle.closing(handle);
    await this.#ask("close", requests.close(handle));
  }

  /**
   * Opens, reads and closes a file in one round trip, if the handle can be
   * foretold. The bytes may be those of another file: only who knows the digest
   * of what is to come may take this way.
   *
   * @returns `undefined` if it has to be read in the ordinary way: the handle is
   *   not known, or was another one, or the answer is shorter than `atLeast`.
   * @throws {SftpError} If the server does not give the file.
   */
  async readAtOnce(
    path: string,
    length: number,
    atLeast: number,
  ): Promise<Uint8Array | undefined> {
    while (this.#nextHandle.trial !== undefined) await this.#nextHandle.trial;
    const handle = this.#nextHandle.foretold;
    if (handle === undefined) return undefined;
    const bytes = await this.#watch.run<Uint8Array | undefined>(
      (resolve, reject) =>
        this.#sendAtOnce(path, length, handle, resolve, reject),
      `open ${path}`,
      length,
    );
    return bytes !== undefined && bytes.length >= atLeast ? bytes : undefined;
  }

  #sendAtOnce(
    path: string,
    length: number,
    handle: Handle,
    resolve: (bytes: Uint8Array | undefined) => void,
    reject: (error: Error) => void,
  ): void {
    const next = this.#nextHandle;
    next.using();
    let isOpen = false;
    const fail = (what: string, status: number) => {
      // Of a server that gives other handles, too many files may be open by now.
      if (next.isRefuted) resolve(undefined);
      else reject(sftpError(what, this.server, status));
    };
    this.#sftp.ask(requests.open(path), (given) => {
      isOpen = next.given(given, handle);
      if (!isOpen) this.close(given).catch(() => {});
    }, (status) => {
      next.ungiven();
      fail(`open ${path}`, status);
    });
    this.#sftp.ask(
      requests.read(handle, 0, length),
      (bytes) => resolve(isOpen ? cutTo(length, bytes) : undefined),
      (status) => isOpen ? fail("read", status) : resolve(undefined),
    );
    this.#sftp.ask(requests.close(handle), () => {}, () => {});
  }

  /**
   * Yields the names of a directory, as many at a time as the server tells,
   * without `.` and `..` and names that contain `/`. There may be no end of them.
   *
   * @throws {SftpError}
   */
  async *list(path: string): AsyncGenerator<DirectoryEntry[]> {
    const what = `list ${path}`;
    this.#nextHandle.opening();
    const handle = await this.#ask(what, requests.opendir(path));
    const request = requests.readdir(handle);
    const next = () => this.#ask(what, request, longestReadLength);
    try {
      for (let names; (names = await next()).length > 0;) {
        yield names.map((name) => directoryEntry(path, name))
          .filter(({ name }) => !isNoName(name));
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
    this.#nextHandle.ungiven();
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
    this.#nextHandle.ungiven();
    this.#socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }

  /** @param bytes What the answer may have. */
  #ask<Result>(
    what: string,
    request: Request<Result>,
    bytes?: number,
  ): Promise<Result> {
    return this.#watch.run(
      (resolve, reject) =>
        this.#sftp.ask(
          request,
          resolve,
          (status) => reject(sftpError(what, this.server, status)),
        ),
      what,
      bytes,
    );
  }
}

/** Takes no more than was asked for: the memory of what came besides is not kept. */
function cutTo(
  length: number,
  bytes: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  return bytes.length > length ? bytes.slice(0, length) : bytes;
}

/** What cannot be the name of a file, or is that of another directory. */
function isNoName(name: string): boolean {
  return ["", ".", ".."].includes(name) || name.includes("/");
}

function directoryEntry(
  directory: string,
  { name: bytes, attributes }: Name,
): DirectoryEntry {
  const name = fromWire(bytes);
  try {
    return { name, stat: fileStat(`${directory}/${name}`, attributes) };
  } catch (error) {
    // One such name is no reason to leave the others.
    if (error instanceof SftpError) return { name, stat: error };
    throw error;
  }
}

/** A session whose connection is no more. */
export function connectionLost(server: string, cause?: Error): RelaisError {
  if (cause instanceof ProtocolError) {
    return new UnusableError(
      `Cannot use ${server}: it breaks the SFTP protocol (${peerText(cause)})`,
      { cause, hint: `check "Subsystem sftp" in sshd_config on ${server}` },
    );
  }
  const why = cause === undefined ? "the server closed it" : peerText(cause);
  return new UnreachableError(
    `Lost ${server}: the connection broke (${why})`,
    { cause, hint: `check the network, and read the log of sshd on ${server}` },
  );
}

/**
 * Returns the longest READ that a server answers in full: what it announces,
 * within reason, or what is known of its kind.
 *
 * @param opening What it said first.
 */
export function maxReadOf(limits: Limits | undefined, opening: string): number {
  const known = isOpenSsh(opening) ? oldReadLength : safeReadLength;
  const announced = limits?.readLength || known;
  return Math.min(Math.max(announced, safeReadLength), longestReadLength);
}

function isOpenSsh(opening: string): boolean {
  return /^SSH-2\.0-OpenSSH/m.test(opening);
}

/** Of a server that tells its limits, 0 handles mean any number. */
function maxHandlesOf(limits: Limits | undefined): number {
  return limits === undefined ? safeHandles : limits.openHandles || Infinity;
}
