/**
 * A session of the module connection, as another module uses it.
 *
 * @module
 */

import { type FileError, RemoteFailure } from "../errors.ts";
import type { Depth } from "../ssh/depth.ts";
import type { FileStat, OpenFileStat } from "../ssh/file-stat.ts";
import type { SmallFile } from "../ssh/read-file.ts";
import { SlowError } from "../ssh/read-range.ts";
import type { SessionRequests } from "../ssh/session-requests.ts";
import type { DirectoryEntry, Handle } from "../ssh/session.ts";
import { type SftpCode, SftpError } from "../ssh/sftp-error.ts";
import type { Terms } from "../ssh/terms.ts";
import type { Channel } from "../worker/channel.ts";
import type { ConnectionOperations, Opened, Sharing } from "./operations.ts";

/** The module connection, to those who ask it. */
export type Connection = Channel<ConnectionOperations>;

/** What a session is used for. */
export interface Purpose {
  /** @default "shared" */
  readonly sharing?: Sharing;
  /** How long a request may make no progress, in milliseconds. */
  readonly requestMs: number;
  /** Ends the session, or the attempt to open one, without waiting for the server. */
  readonly signal?: AbortSignal;
  /** Hears of the bytes in each answer, roughly. */
  readonly onReceived?: (bytes: number) => void;
}

/** No session could be opened. */
export class NotOpenedError extends RemoteFailure {
  /** How far the attempt got. */
  readonly depth: Depth;

  constructor(
    { failure, depth }: { failure: RemoteFailure["failure"]; depth: Depth },
  ) {
    super(failure);
    this.depth = depth;
  }
}

/** Small files that are asked for together: enough for a message to be cheap, and few enough for the next ones to be on their way meanwhile. */
const mostTogether = 32;

/** A small file that is waited for. */
interface Fetching {
  readonly file: SmallFile;
  readonly resolve: (bytes: Uint8Array) => void;
  readonly reject: (error: Error) => void;
}

/** One use of a session. Several may use the same one. */
export class RemoteSession implements SessionRequests, AsyncDisposable {
  readonly server: string;
  readonly requestMs: number;
  readonly #connection: Connection;
  readonly #use: string;
  readonly #opened: Opened;
  readonly #received: (bytes: number) => void;
  #wireBytes: number | undefined;
  #toFetch: Fetching[] = [];

  private constructor(
    connection: Connection,
    server: string,
    use: string,
    opened: Opened,
    { requestMs, onReceived = () => {} }: Purpose,
  ) {
    this.#connection = connection;
    this.server = server;
    this.#use = use;
    this.#opened = opened;
    this.requestMs = requestMs;
    this.#received = onReceived;
  }

  /**
   * Takes the session with `server`, or opens one.
   *
   * @throws {NotOpenedError} Whatever `connect()` throws.
   */
  static async open(
    connection: Connection,
    server: string,
    purpose: Purpose,
  ): Promise<RemoteSession> {
    const { sharing = "shared", signal } = purpose;
    const use = crypto.randomUUID();
    const abandon = () => {
      // Whoever waits for its answers is told.
      connection.ask("abandon", { use }).catch(() => {});
    };
    const taking = connection.ask("take", { server, use, sharing });
    if (signal?.aborted) abandon();
    signal?.addEventListener("abort", abandon, { once: true });
    const taken = await taking;
    if ("failure" in taken) throw new NotOpenedError(taken);
    return new RemoteSession(connection, server, use, taken, purpose);
  }

  get maxRead(): number {
    return this.#opened.maxRead;
  }

  /** Files that may be open at a time. */
  get maxHandles(): number {
    return this.#opened.maxHandles;
  }

  /** How the session came about. */
  get terms(): Terms {
    return this.#opened.terms;
  }

  /** True if it was open before this use of it. */
  get isKept(): boolean {
    return this.#opened.isKept;
  }

  /** Reads a small file whole, of {@link maxRead} bytes at most. @throws {SftpError} */
  fetch(file: SmallFile): Promise<Uint8Array> {
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    if (this.#toFetch.length === 0) setImmediate(() => this.#fetchAll());
    this.#toFetch.push({ file, resolve, reject });
    if (this.#toFetch.length === mostTogether) this.#fetchAll();
    return promise;
  }

  /** Asks for the files that are waited for together. */
  async #fetchAll(): Promise<void> {
    const waiting = this.#toFetch;
    if (waiting.length === 0) return;
    this.#toFetch = [];
    try {
      const files = waiting.map(({ file }) => file);
      const fetched = await this.#ask("fetch", { use: this.#use, files });
      fetched.forEach((outcome, index) => {
        const { resolve, reject } = waiting[index]!;
        if (outcome instanceof Uint8Array) resolve(outcome);
        else reject(ofOneFile(new RemoteFailure(outcome)));
      });
    } catch (error) {
      for (const { reject } of waiting) reject(error as Error);
    }
  }

  async stat(path: string): Promise<FileStat> {
    return await this.#ask("stat", { use: this.#use, path });
  }

  async lstat(path: string): Promise<FileStat> {
    return await this.#ask("lstat", { use: this.#use, path });
  }

  async realPath(path: string): Promise<string> {
    return await this.#ask("realPath", { use: this.#use, path });
  }

  async open(path: string): Promise<Handle> {
    return await this.#ask("open", { use: this.#use, path });
  }

  async fstat(handle: Handle): Promise<OpenFileStat> {
    return await this.#ask("fstat", { use: this.#use, handle });
  }

  async read(
    handle: Handle,
    position: number,
    length: number,
    memory?: ArrayBuffer,
  ): Promise<Uint8Array> {
    const asked = { use: this.#use, handle, position, length, memory };
    const bytes = await this.#ask("read", asked, memory && [memory]);
    this.#received(bytes.length);
    return bytes;
  }

  async close(handle: Handle): Promise<void> {
    await this.#ask("close", { use: this.#use, handle });
  }

  async *list(path: string): AsyncGenerator<DirectoryEntry[]> {
    const use = this.#use;
    const listing = await this.#ask("list", { use, path });
    try {
      let names;
      while ((names = await this.#ask("names", { use, listing })) !== null) {
        this.#received(names.reduce((sum, { name }) => sum + name.length, 1));
        yield names.map(({ name, stat }) => ({
          name,
          stat: "kind" in stat
            ? stat
            : ofOneFile(new RemoteFailure(stat)) as SftpError,
        }));
      }
    } finally {
      this.#connection.ask("unlist", { use, listing }).catch(
        () => {/* its own error tells more */},
      );
    }
  }

  /** Ends this use; returns the bytes that went over the wire for it, both ways. Idempotent. */
  async leave(): Promise<number> {
    this.#wireBytes ??= await this.#connection.ask("leave", { use: this.#use });
    return this.#wireBytes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave();
  }

  async #ask<Kind extends keyof ConnectionOperations>(
    kind: Kind,
    body: ConnectionOperations[Kind]["request"],
    transfer?: Transferable[],
  ): Promise<ConnectionOperations[Kind]["reply"]> {
    try {
      return await this.#connection.ask(kind, body, transfer);
    } catch (error) {
      throw error instanceof RemoteFailure ? ofOneFile(error) : error;
    }
  }
}

/** An error class does not survive `postMessage`: those that concern one file are made again. */
function ofOneFile(error: RemoteFailure): RemoteFailure | FileError {
  const { failure: { answer }, message } = error;
  if (error.name === "SlowError") return new SlowError(message);
  if (answer === undefined) return error;
  const { code, reason } = answer;
  const about = message.slice(0, -`: ${reason}`.length);
  return new SftpError(about, code as SftpCode, { reason, cause: error });
}
