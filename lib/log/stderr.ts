/**
 * The log's lines on stderr.
 *
 * @module
 */

import type { Level } from "../config/config.ts";
import type { LogSettings } from "./operations.ts";
import { eraseBelow } from "../text/terminal.ts";
import { formatForJournal, formatForPerson } from "./line.ts";
import { isAtLeast, type LogMessage } from "../worker/log-message.ts";

/** The part of `Deno.stderr` that is needed. */
export interface Stream {
  writeSync(bytes: Uint8Array): number;
}

/** Prints messages that are grave enough. */
export class StderrPrinter {
  readonly #level: Level | null;
  readonly #format: (message: LogMessage) => string;
  readonly #before: string;
  readonly #stream: Stream;
  readonly #encoder = new TextEncoder();

  /** With `stderr` null nothing is printed. */
  constructor(
    { stderr, journal, live = false }: Pick<
      LogSettings,
      "stderr" | "journal" | "live"
    >,
    stream: Stream,
  ) {
    this.#level = stderr;
    this.#format = journal ? formatForJournal : formatForPerson;
    this.#before = live ? eraseBelow : "";
    this.#stream = stream;
  }

  /** Prints one message as one line. Never throws. */
  print(message: LogMessage): void {
    if (this.#level === null || !isAtLeast(message.level, this.#level)) return;
    let rest = this.#encoder.encode(
      `${this.#before}${this.#format(message)}\n`,
    );
    try {
      while (rest.length > 0) {
        rest = rest.subarray(this.#stream.writeSync(rest));
      }
    } catch {
      // Who closed our stderr does not want to read it, and the log file has it all.
    }
  }
}
