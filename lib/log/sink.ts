/**
 * Where messages end up: the log file and stderr. Whatever happens to either,
 * the modules that log go on.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import type { Level } from "../config/config.ts";
import { describe } from "../errors.ts";
import type { LogSettings } from "./operations.ts";
import type { Section, StatsBlock } from "../worker/stats-block.ts";
import { LogFile } from "./file.ts";
import { formatLine, maxLineBytes } from "./line.ts";
import {
  isAtLeast,
  type LogMessage,
  makeMessage,
} from "../worker/log-message.ts";
import { StderrPrinter, type Stream } from "./stderr.ts";

/** A line is in the file after so long at the latest; each write costs a sync of the disk. */
const writeEveryMs = 200;

/** Lines written at once, at most. */
const maxBatch = 100;

/** How often the sink looks after itself. */
const tickMs = 1_000;

/** After a failure, the file is left alone for so long. */
const retryMs = 5_000;

/** A message on its way for longer will not arrive. */
const underwayMs = 100;

/** A flush does not wait longer for messages that are still on their way. */
const maxFlushMs = 1_000;

export interface LogSinkOptions {
  /** @default Deno.stderr */
  readonly stderr?: Stream;
  /** @default 5 s */
  readonly retryMs?: number;
}

/** Writes messages to the log file and to stderr. */
export class LogSink implements AsyncDisposable {
  readonly #level: Level;
  readonly #figures: Section<"log">;
  readonly #file: LogFile | undefined;
  readonly #stderr: StderrPrinter;
  readonly #retryMs: number;
  readonly #batch: number;
  readonly #ticking: ReturnType<typeof setInterval>;
  #pending: LogMessage[] = [];
  #writing: Promise<void> = Promise.resolve();
  #writeTimer: ReturnType<typeof setTimeout> | undefined;
  /** Messages lost since the file failed; 0 while it does not. */
  #lost = 0;
  #retryAt = 0;
  #tookAt = performance.now();
  /** Ticks in a row without a message between them. */
  #idleTicks = 0;

  /**
   * Opens the log file, unless there is to be none.
   *
   * @throws {LocalError} If it cannot be written.
   */
  constructor(
    settings: LogSettings,
    stats: StatsBlock,
    options: LogSinkOptions = {},
  ) {
    const { file, level, maxSize, keep, dryRun } = settings;
    const stream = options.stderr ?? Deno.stderr;
    this.#level = level;
    this.#figures = stats.section("log");
    this.#stderr = new StderrPrinter(settings, stream);
    this.#retryMs = options.retryMs ?? retryMs;
    this.#batch = Math.min(maxBatch, Math.floor(maxSize / maxLineBytes)) || 1;
    this.#file = file === "" || dryRun
      ? undefined
      : new LogFile(file, { maxSize, keep });
    // What was on its way to a log module that died will not arrive at this one.
    this.#figures.set("in_flight", 0);
    this.#ticking = setInterval(() => this.#tick(), tickMs);
  }

  /** Takes a message that a module posted. Never throws, never waits for the disk. */
  take(message: LogMessage): void {
    this.#tookAt = performance.now();
    this.#idleTicks = 0;
    this.#stderr.print(message);
    if (this.#file === undefined || !isAtLeast(message.level, this.#level)) {
      this.#figures.add("in_flight", -1);
      return;
    }
    this.#pending.push(message);
    if (this.#pending.length >= this.#batch) this.#write();
    else this.#writeTimer ??= setTimeout(() => this.#write(), writeEveryMs);
  }

  /** Returns when all that was posted before, by any module, is written or lost. Never throws. */
  async flush(): Promise<void> {
    const began = this.#tookAt = performance.now();
    await this.#write();
    // Each module has its own way to us: what they posted earlier may arrive later than this request.
    while (this.#figures.get("in_flight") > 0n) {
      const now = performance.now();
      if (now - this.#tookAt > underwayMs || now - began > maxFlushMs) break;
      await delay(1);
      await this.#write();
    }
    this.#tellDropped();
    await this.#write();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#ticking);
    await this.flush();
    this.#file?.[Symbol.dispose]();
  }

  /** Writes all that is pending, after what is being written. */
  #write(): Promise<void> {
    clearTimeout(this.#writeTimer);
    this.#writeTimer = undefined;
    this.#writing = this.#writing.then(() => this.#writePending());
    return this.#writing;
  }

  async #writePending(): Promise<void> {
    while (this.#pending.length > 0) {
      const batch = this.#pending.splice(0, this.#batch);
      await this.#writeBatch(batch);
      this.#figures.add("in_flight", -batch.length);
    }
  }

  async #writeBatch(batch: readonly LogMessage[]): Promise<void> {
    if (this.#lost > 0 && performance.now() < this.#retryAt) {
      return this.#lose(batch.length);
    }
    try {
      const lines = batch.map((message) => `${formatLine(message)}\n`);
      const rotated = await this.#file!.write(lines.join(""));
      this.#figures.add("written", batch.length);
      if (rotated) this.#figures.add("rotations", 1);
      this.#recovered();
    } catch (error) {
      this.#retryAt = performance.now() + this.#retryMs;
      if (this.#lost === 0) this.#tellOnStderr(describe(error));
      this.#lose(batch.length);
    }
  }

  #lose(messages: number): void {
    this.#lost += messages;
    this.#figures.add("lost", messages);
  }

  #recovered(): void {
    if (this.#lost === 0) return;
    const lost = this.#lost;
    this.#lost = 0;
    this.#say(`${lost} messages could not be written to the log file`);
  }

  /** Says how many messages were dropped since it was last said. */
  #tellDropped(): void {
    const untold = this.#figures.get("untold");
    if (untold === 0n) return;
    this.#figures.add("untold", -untold);
    this.#say(`${untold} messages dropped`);
  }

  /** Logs something of its own, counted as if it had come from far. */
  #say(text: string): void {
    this.#figures.add("in_flight", 1);
    this.take(makeMessage("log", "warning", text).message);
  }

  /** There is no file to find it in. */
  #tellOnStderr(text: string): void {
    this.#stderr.print(makeMessage("log", "error", text).message);
  }

  #tick(): void {
    this.#tellDropped();
    // A module that was ended may have left messages counted that never come.
    // Ticks, not time: while a slow disk blocks this worker, messages wait outside.
    if (++this.#idleTicks < 3 || this.#pending.length > 0) return;
    this.#figures.set("in_flight", 0);
  }
}
