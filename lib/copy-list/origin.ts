/**
 * The server whose list is shown to other replicas: reached when something of it is
 * needed, and not before.
 *
 * @module
 */

import type { ServerConfig } from "../config/config.ts";
import {
  type Connection,
  type Purpose,
  RemoteSession,
} from "../connection/remote-session.ts";
import type { Throttle } from "../files/throttle.ts";
import { RemoteList } from "../list/remote.ts";
import { Fetcher } from "./fetch.ts";
import { connectionOver } from "./sessions.ts";

/** A server that a list and signatures come from. */
export class Origin implements AsyncDisposable {
  readonly #connection: Connection;
  readonly #server: ServerConfig;
  readonly #purpose: Purpose;
  readonly #throttle: Throttle;
  #session: Promise<RemoteSession> | undefined;
  #fetcher: Fetcher | undefined;

  constructor(
    connection: Connection,
    server: ServerConfig,
    { throttle, ...purpose }: Purpose & { readonly throttle: Throttle },
  ) {
    this.#connection = connection;
    this.#server = server;
    this.#purpose = purpose;
    this.#throttle = throttle;
  }

  /** The export directory there. */
  get root(): string {
    return this.#server.root;
  }

  /** Opens its list. @throws {SftpError} If it has none. */
  async openList(): Promise<RemoteList> {
    return await RemoteList.open(await this.#reach(), this.#server);
  }

  /** Returns what fetches its files. */
  async fetcher(): Promise<Fetcher> {
    const session = await this.#reach();
    this.#fetcher ??= new Fetcher([connectionOver(session)], this.#throttle);
    return this.#fetcher;
  }

  /** Lets go of it; returns the bytes that went over the wire meanwhile, both ways. */
  async leave(): Promise<number> {
    const session = await this.#session?.catch(() => undefined);
    return await session?.leave() ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave();
  }

  #reach(): Promise<RemoteSession> {
    this.#session ??= RemoteSession.open(
      this.#connection,
      this.#server.name,
      this.#purpose,
    );
    return this.#session;
  }
}
