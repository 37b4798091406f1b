/**
 * The sessions with servers, and who uses them.
 *
 * @module
 */

import type { ServerConfig } from "../config/config.ts";
import { FileError, toFailure, UnreachableError } from "../errors.ts";
import type { ConnectOptions } from "../ssh/connect-options.ts";
import type { Depth } from "../ssh/depth.ts";
import type { SftpSession } from "../ssh/session.ts";
import type { ConnectionOperations, Opened, Sharing } from "./operations.ts";
import { type Share, Tally } from "./tally.ts";

/** Opens a session, as `connect()` does. */
export type Connect = (
  server: ServerConfig,
  options: ConnectOptions,
) => Promise<SftpSession>;

type Taken = ConnectionOperations["take"]["reply"];

/** A session, or the attempt to open one. */
class Line {
  readonly isShared: boolean;
  /** Settled once it is open, or cannot be opened. */
  readonly opening: Promise<SftpSession>;
  readonly tally = new Tally(() => this.#wireBytes);
  /** Requests that are not answered yet. */
  underWay = 0;
  users = 0;
  #depth: Depth = "nothing";
  #session: SftpSession | undefined;
  readonly #attempt = new AbortController();

  constructor(connect: Connect, server: ServerConfig, isShared: boolean) {
    this.isShared = isShared;
    this.opening = connect(server, {
      signal: this.#attempt.signal,
      onDepth: (depth) => this.#depth = depth,
    }).then((session) => this.#session = session);
    // Whoever took it is told.
    this.opening.catch(() => {});
  }

  /** How far the attempt got. */
  get depth(): Depth {
    return this.#depth;
  }

  get isOpen(): boolean {
    return this.#session !== undefined;
  }

  get #wireBytes(): number {
    const { received = 0, sent = 0 } = this.#session?.wireBytes ?? {};
    return received + sent;
  }

  get hasEnded(): boolean {
    return this.#session?.hasEnded ?? this.#attempt.signal.aborted;
  }

  /** Ends it, without waiting for the server. */
  async end(): Promise<void> {
    // A session that is open is left alone by this, one to come never opens.
    this.#attempt.abort();
    await this.#session?.end();
  }
}

/** One user of a line. */
interface Use {
  readonly line: Line;
  readonly share: Share;
}

/** At most one shared session for each server, and those that one user has for itself. */
export class Sessions {
  readonly #connect: Connect;
  readonly #servers: ReadonlyMap<string, ServerConfig>;
  readonly #shared = new Map<string, Line>();
  readonly #uses = new Map<string, Use>();

  constructor(servers: readonly ServerConfig[], connect: Connect) {
    this.#servers = new Map(servers.map((server) => [server.name, server]));
    this.#connect = connect;
  }

  /** Begins a use. What goes wrong is part of the answer, with how far it got. */
  async take(server: string, use: string, sharing: Sharing): Promise<Taken> {
    const line = this.#lineTo(server, sharing);
    const { isOpen: isKept } = line;
    this.#uses.set(use, { line, share: line.tally.begin() });
    line.users++;
    try {
      const { maxRead, maxHandles, terms } = await line.opening;
      return { maxRead, maxHandles, terms, isKept } satisfies Opened;
    } catch (error) {
      this.#uses.delete(use);
      this.#forget(line);
      return { failure: toFailure(error), depth: line.depth };
    }
  }

  /** Has `work` done with the session of a use. */
  async run<Result>(
    use: string,
    work: (session: SftpSession) => Promise<Result>,
  ): Promise<Result> {
    const used = this.#uses.get(use);
    // It was left while this was on its way.
    if (used === undefined) throw new UnreachableError("the session has ended");
    const { line, share } = used;
    const session = await line.opening;
    line.underWay++;
    line.tally.asked(share);
    try {
      return await work(session);
    } catch (error) {
      if (!(error instanceof FileError)) this.#forget(line);
      throw error;
    } finally {
      line.underWay--;
      line.tally.answered(share);
    }
  }

  /** Ends a use, and returns its bytes. A session that is not shared ends with it. */
  async leave(use: string): Promise<number> {
    const used = this.#uses.get(use);
    if (used === undefined) return 0;
    const { line, share } = used;
    this.#uses.delete(use);
    line.users--;
    if (!line.isShared || line.hasEnded) await this.#end(line);
    return line.tally.end(share);
  }

  /** Ends the session of a use for all who use it, or the attempt to open it. */
  async abandon(use: string): Promise<void> {
    const used = this.#uses.get(use);
    if (used !== undefined) await this.#end(used.line);
  }

  /** Ends the sessions that nobody uses. */
  async hangUp(): Promise<void> {
    const idle = [...this.#shared.values()].filter(({ users }) => users === 0);
    await Promise.all(idle.map((line) => this.#end(line)));
  }

  /** Ends all sessions. */
  async end(): Promise<void> {
    const lines = new Set(this.#shared.values());
    for (const { line } of this.#uses.values()) lines.add(line);
    await Promise.all([...lines].map((line) => this.#end(line)));
  }

  #lineTo(name: string, sharing: Sharing): Line {
    const server = this.#servers.get(name)!;
    if (sharing === "own") return new Line(this.#connect, server, false);
    const shared = this.#shared.get(name);
    if (shared !== undefined && !shared.hasEnded) {
      const isBusy = sharing === "idle" && shared.underWay > 0;
      return isBusy ? new Line(this.#connect, server, false) : shared;
    }
    const line = new Line(this.#connect, server, true);
    this.#shared.set(name, line);
    return line;
  }

  async #end(line: Line): Promise<void> {
    this.#forget(line);
    await line.end();
  }

  /** The next who needs that server opens a session anew. */
  #forget(line: Line): void {
    for (const [server, shared] of this.#shared) {
      if (shared === line) this.#shared.delete(server);
    }
  }
}
