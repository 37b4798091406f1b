/**
 * What each module logs with. It never blocks, never throws, and never lets
 * messages pile up: what the log cannot take in time is dropped and counted.
 *
 * @module
 */

import type { Level } from "../config/config.ts";
import type { Section, StatsBlock } from "./stats-block.ts";
import {
  isAtLeast,
  type LogMessage,
  makeMessage,
  type Source,
} from "./log-message.ts";

/** Messages of all modules together that may be on their way; less than half a megabyte. */
export const maxInFlight = 1_000;

/** Sends a message to the log module. */
export type Post = (message: LogMessage) => void;

export interface LoggerOptions {
  readonly module: Source;
  /** Messages below this level are not even posted. */
  readonly level: Level;
  readonly stats: StatsBlock;
  /** Without it messages are dropped until {@link Logger.attach} is called. */
  readonly post?: Post;
}

/** Sends one module's messages to the log. */
export class Logger {
  readonly #module: Source;
  readonly #level: Level;
  readonly #figures: Section<"log">;
  #post: Post | undefined;
  #pass = "";

  constructor({ module, level, stats, post }: LoggerOptions) {
    this.#module = module;
    this.#level = level;
    this.#figures = stats.section("log");
    this.#post = post;
  }

  /** Sends messages another way from now on: the log module was started, or replaced. */
  attach(post: Post): void {
    this.#post = post;
  }

  /** Notes which pass the messages belong to from now on. */
  follow(pass: string): void {
    this.#pass = pass;
  }

  debug(text: string): void {
    this.#log("debug", text);
  }

  info(text: string): void {
    this.#log("info", text);
  }

  warning(text: string): void {
    this.#log("warning", text);
  }

  error(text: string): void {
    this.#log("error", text);
  }

  #log(level: Level, text: string): void {
    if (!isAtLeast(level, this.#level)) return;
    const { message, cut } = makeMessage(
      this.#module,
      level,
      text,
      this.#pass,
    );
    if (cut) this.#figures.add("truncated", 1);
    if (!this.#send(message)) this.#drop();
  }

  #drop(): void {
    this.#figures.add("dropped", 1);
    this.#figures.add("untold", 1);
  }

  /** Returns whether the message is on its way; the log module takes it off the count. */
  #send(message: LogMessage): boolean {
    const sent = this.#figures.add("in_flight", 1) <= maxInFlight &&
      this.#tryPost(message);
    if (!sent) this.#figures.add("in_flight", -1);
    return sent;
  }

  #tryPost(message: LogMessage): boolean {
    if (this.#post === undefined) return false;
    try {
      this.#post(message);
      return true;
    } catch {
      // Whatever keeps a message from the log must not keep a module from its work.
      return false;
    }
  }
}
