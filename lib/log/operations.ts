/**
 * What log is started with, and asked. What it is sent all day is in
 * `lib/worker/log-message.ts`.
 *
 * @module
 */

import type { Level, LogConfig } from "../config/config.ts";

export interface LogSettings extends LogConfig {
  /** The gravest level below which nothing goes to stderr; `null`: nothing at all does. */
  readonly stderr: Level | null;
  /** True if stderr is the journal. */
  readonly journal: boolean;
  /** True if lines are drawn on stderr that a message must take the place of. */
  readonly live?: boolean;
  readonly dryRun: boolean;
}

export type LogOperations = {
  /** Answers when all that was posted before is written. */
  flush: { request: null; reply: null };
};
