/**
 * SFTP sessions that live in workers of their own, as their user sees them.
 *
 * @module
 */

import { Channel, type Endpoint } from "../channel.ts";
import type { LimitsConfig, ServerConfig } from "../config/config.ts";
import { FileError, ModuleError, RemoteFailure } from "../errors.ts";
import { gather } from "../gathering.ts";
import type { ConnectionOperations } from "../protocol.ts";
import type { FileStat } from "./file-stat.ts";
import { RequestWatch } from "./request-watch.ts";

/** Bytes on the wire. */
export interface WireBytes {
  readonly received: number;
  readonly sent: number;
}

/** A file that is open on a server. */
export interface RemoteFile {
  read(position: number, length: number): Promise<Uint8Array>;
  /** Waits for no answer. */
  close(): void;
}

/** A worker ends a session whose server answers too late; it is given this much longer, in request limits. */
const patience = 3;

/** A session, at the other end of a line. */
export class RemoteSession {
  /** The longest READ that is answered in full, in bytes. */
  readonly maxRead: number;
  /** Files that may be open at a time. */
  readonly maxHandles: number;
  readonly #connection: RemoteConnection;

  constructor(
    connection: RemoteConnection,
    { maxRead, maxHandles }: { maxRead: number; maxHandles: number },
  ) {
    this.#connection = connection;
    this.maxRead = maxRead;
    this.maxHandles = maxHandles;
  }

  /**
   * Reads the first `length` bytes of a file, {@link maxRead} at most: all of a
   * small one.
   *
   * @throws {FileError} If the server does not give the file.
   */
  async fetch(path: string, length: number): Promise<Uint8Array> {
    return await this.#connection.ask("fetch", { path, length });
  }

  /** @throws {FileError} If the server does not give the file. */
  async open(path: string): Promise<RemoteFile> {
    const file = await this.#connection.ask("open", { path });
    return {
      read: (position, length) =>
        this.#connection.ask("read", { file, position, length }),
      close: () => void this.#connection.ask("close", { file }).catch(() => {}),
    };
  }

  /** Follows a symbolic link. @throws {FileError} If there is nothing. */
  async stat(path: string): Promise<FileStat> {
    return await this.#connection.ask("stat", { path });
  }

  /** Ends the session, and tells what went over the wire. */
  async end(): Promise<WireBytes> {
    return await this.#connection.ask("end", null);
  }
}

/** A worker that has one session after the other. */
export class RemoteConnection {
  readonly #channel: Channel<ConnectionOperations>;
  readonly #watch: RequestWatch;

  /** Takes over the end of a line to the worker. */
  constructor(endpoint: Endpoint, { requestMs }: LimitsConfig) {
    this.#channel = new Channel(gather(endpoint));
    this.#watch = new RequestWatch(requestMs * patience, () => {
      // Uncaught: the supervisor replaces whoever has such a worker, and the worker.
      throw new ModuleError("a connection's worker does not answer");
    });
  }

  /**
   * Opens a session.
   *
   * @throws {RemoteFailure} Whatever `connect()` throws.
   */
  async connect(
    server: ServerConfig,
    limits: LimitsConfig,
  ): Promise<RemoteSession> {
    const request = { server, limits };
    return new RemoteSession(this, await this.#channel.ask("connect", request));
  }

  /** Ends the session, or the attempt to open one, without waiting for the server. */
  async abandon(): Promise<void> {
    await this.ask("end", null);
  }

  /** Asks the worker. @throws {FileError} If the server does not do what it was asked with one file. */
  async ask<Kind extends keyof ConnectionOperations & string>(
    kind: Kind,
    body: ConnectionOperations[Kind]["request"],
  ): Promise<ConnectionOperations[Kind]["reply"]> {
    try {
      return await this.#watch.run((resolve, reject) => {
        this.#channel.ask(kind, body).then(resolve, reject);
      });
    } catch (error) {
      throw translate(error);
    }
  }
}

/** What concerns one file, and is no reason to give the others up. */
const ofOneFile = new Set(["SftpError", "StuckError"]);

/** An error class does not survive `postMessage`. */
function translate(error: unknown): unknown {
  if (!(error instanceof RemoteFailure) || !ofOneFile.has(error.name)) {
    return error;
  }
  const { message, retriable } = error;
  return new FileError(message, { cause: error, retriable });
}
