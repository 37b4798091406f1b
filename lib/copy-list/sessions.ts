/**
 * The sessions of a copy run to one server.
 *
 * @module
 */

import { describe, FileError, type RelaisError } from "../errors.ts";
import type { Logger } from "../worker/logger.ts";
import {
  type Connection as Asked,
  RemoteSession,
} from "../connection/remote-session.ts";
import type { Connection } from "./fetch.ts";

/** How sessions are opened. */
export interface Opening {
  readonly count: number;
  readonly requestMs: number;
  /** Ends them without waiting for the server. */
  readonly signal: AbortSignal;
  readonly log: Pick<Logger, "warning">;
}

/** The session that all modules share, and further ones if the configuration asks for them. */
export class Sessions implements AsyncDisposable {
  readonly #all: readonly RemoteSession[];

  private constructor(sessions: readonly RemoteSession[]) {
    this.#all = sessions;
  }

  /**
   * Takes `count` sessions, or as many as `server` allows.
   *
   * @throws {RemoteFailure} If it allows none.
   */
  static async open(
    connection: Asked,
    server: string,
    { count, requestMs, signal, log }: Opening,
  ): Promise<Sessions> {
    const outcomes = await Promise.allSettled(
      Array.from(
        { length: count },
        (_, at) =>
          RemoteSession.open(connection, server, {
            requestMs,
            signal,
            sharing: at === 0 ? "shared" : "own",
          }),
      ),
    );
    const sessions = outcomes.flatMap((outcome) =>
      outcome.status === "fulfilled" ? [outcome.value] : []
    );
    const refused = outcomes.find(({ status }) => status === "rejected");
    if (refused?.status === "rejected") {
      if (sessions.length === 0) throw refused.reason;
      log.warning(
        `${sessions.length} of ${count} connections: ${
          describe(refused.reason)
        }`,
      );
    }
    return new Sessions(sessions);
  }

  /** What files are fetched over. */
  get connections(): Connection[] {
    return this.#all.map(connectionOver);
  }

  /** Lets go of them all; returns the bytes that went over the wire meanwhile, both ways. */
  async leave(): Promise<number> {
    const left = await Promise.all(this.#all.map((session) => session.leave()));
    return left.reduce((sum, bytes) => sum + bytes, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave();
  }
}

/** The session, where a file is to blame for the request that all others wait behind. */
export function connectionOver(session: RemoteSession): Connection {
  return {
    maxRead: session.maxRead,
    maxHandles: session.maxHandles,
    requestMs: session.requestMs,
    stat: (path) => ofOneFile(session.stat(path)),
    fetch: (file) => ofOneFile(session.fetch(file)),
    async open(path) {
      const handle = await ofOneFile(session.open(path));
      return {
        read: (position, length, memory) =>
          ofOneFile(session.read(handle, position, length, memory)),
        close: () => void session.close(handle).catch(() => {}),
      };
    },
  };
}

async function ofOneFile<Result>(request: Promise<Result>): Promise<Result> {
  try {
    return await request;
  } catch (cause) {
    const { name, message, retriable } = cause as RelaisError;
    throw name === "StuckError"
      ? new FileError(message, { cause, retriable })
      : cause;
  }
}
