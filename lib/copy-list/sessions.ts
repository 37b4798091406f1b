/**
 * The sessions of a copy run to one server.
 *
 * @module
 */

import type { LimitsConfig, ServerConfig } from "../config/config.ts";
import { describe } from "../errors.ts";
import type { Logger } from "../worker/logger.ts";
import type {
  RemoteConnection,
  RemoteSession,
} from "../connection/remote-session.ts";

/** One session or several, each in a worker of its own. */
export class Sessions {
  readonly all: readonly RemoteSession[];

  private constructor(sessions: readonly RemoteSession[]) {
    this.all = sessions;
  }

  /**
   * Opens a session over each of `connections`, or as many as `server` allows.
   *
   * @throws {RemoteFailure} If it allows none.
   */
  static async open(
    connections: readonly RemoteConnection[],
    server: ServerConfig,
    limits: LimitsConfig,
    log: Pick<Logger, "warning">,
  ): Promise<Sessions> {
    const outcomes = await Promise.allSettled(
      connections.map((connection) => connection.connect(server, limits)),
    );
    const sessions = outcomes.flatMap((outcome) =>
      outcome.status === "fulfilled" ? [outcome.value] : []
    );
    const refused = outcomes.find(({ status }) => status === "rejected");
    if (refused?.status === "rejected") {
      if (sessions.length === 0) throw refused.reason;
      log.warning(
        `${sessions.length} of ${connections.length} connections: ${
          describe(refused.reason)
        }`,
      );
    }
    return new Sessions(sessions);
  }

  /** Ends them all; returns the bytes that went over the wire, both ways. */
  async end(): Promise<number> {
    const ended = await Promise.all(
      this.all.map((session) => session.end()),
    );
    return ended.reduce((sum, { received, sent }) => sum + received + sent, 0);
  }
}
