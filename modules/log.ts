/**
 * log: takes messages of at most 128 bytes from every module, at any time, and
 * writes them to the log file and to stderr.
 *
 * @module
 */

import type { LogMessage } from "../lib/worker/log-message.ts";
import { LogSink } from "../lib/log/sink.ts";
import type { LogOperations, LogSettings } from "../lib/log/operations.ts";
import { type Context, runModule, type Running } from "../lib/worker/life.ts";

/**
 * Returns what log answers.
 *
 * @throws {LocalError} If the log file cannot be written.
 */
export function log(
  { settings, stats }: Pick<
    Context<"log", LogSettings, never>,
    "settings" | "stats"
  >,
): Running<LogOperations> {
  const sink = new LogSink(settings, stats);
  return {
    handlers: {
      async flush() {
        await sink.flush();
        return null;
      },
    },
    take: (message) => sink.take(message as LogMessage),
  };
}

if (import.meta.main) runModule("log", log);
