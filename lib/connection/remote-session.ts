/**
 * SFTP sessions that live in workers of their own, as their user sees them.
 *
 * @module
 */

import { Channel, type Endpoint } from "../worker/channel.ts";
import type { LimitsConfig, ServerConfig } from "../config/config.ts";
import { FileError, ModuleError, RemoteFailure } from "../errors.ts";
import { gather } from "../worker/gathering.ts";
import type { ConnectionOperations } from "./operations.ts";
import type { FileStat } from "../ssh/file-stat.ts";
import { RequestWatch } from "../ssh/request-watch.ts";
import { SlowError } from "../ssh/read-range.ts";

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

/** How long a worker may be deaf, in request limits: a server that answers too late is its own business. */
const patience = 3;

/** How often a worker that has something to do is asked whether it hears. */
const pingMs = 1_000;

/** A session, at the other end of a line. */
export class RemoteSession {
  /** The longest READ that is answered in full, in bytes. */
  readonly maxRead: number;
  /** Files that may be open at a time. */
  readonly maxHandles: number;
  /** How long a file may make no progress. */
  readonly requestMs: number;
  readonly #connection: RemoteConnection;

  constructor(
    connection: RemoteConnection,
    { maxRead, maxHandles, requestMs }: {
      maxRead: number;
      maxHandles: number;
      requestMs: number;
    },
  ) {
    this.#connection = connection;
    this.maxRead = maxRead;
    this.maxHandles = maxHandles;
    this.requestMs = requestMs;
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
  #underWay = 0;
  #pings = false;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Takes over the end of a line to the worker. */
  constructor(endpoint: Endpoint, { requestMs }: LimitsConfig) {
    this.#channel = new Channel(gather(endpoint));
    this.#watch = new RequestWatch(requestMs * patience, () => {
      // Uncaught: the supervisor replaces whoever has such a worker, and the worker.
      throw new ModuleError("the worker of a connection does not answer");
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
    const session = await this.#channel.ask("connect", request);
    const { requestMs } = limits;
    return new RemoteSession(this, { ...session, requestMs });
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
    this.#underWay++;
    this.#timer ??= setInterval(() => this.#look(), pingMs);
    try {
      return await this.#channel.ask(kind, body);
    } catch (error) {
      throw translate(error);
    } finally {
      this.#underWay--;
    }
  }

  /** Asks whether the worker hears: how long a server takes to answer says nothing about that. */
  async #look(): Promise<void> {
    if (this.#pings) return;
    if (this.#underWay === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    this.#pings = true;
    await this.#watch.run((resolve, reject) => {
      this.#channel.ask("ping", null).then(resolve, reject);
    });
    this.#pings = false;
  }
}

/** What concerns one file, and is no reason to give the others up. */
const ofOneFile = new Set(["SftpError", "StuckError", "SlowError"]);

/** An error class does not survive `postMessage`. */
function translate(error: unknown): unknown {
  if (!(error instanceof RemoteFailure) || !ofOneFile.has(error.name)) {
    return error;
  }
  if (error.name === "SlowError") return new SlowError(error.message);
  const { message, retriable } = error;
  return new FileError(message, { cause: error, retriable });
}
