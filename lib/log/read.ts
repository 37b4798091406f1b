/**
 * Reads the log back, for `relais log`.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import type { Level } from "../config/config.ts";
import { LocalError } from "../errors.ts";
import { parseLine } from "./line.ts";
import {
  isAtLeast,
  type LogMessage,
  type Source,
} from "../worker/log-message.ts";
import { type LogPart, openParts } from "./part.ts";

/** A message of the log, and the line it stands in. */
export interface LogLine extends LogMessage {
  readonly line: string;
}

export interface ReadLogOptions {
  /** Only the last so many messages that match; all if not given. */
  readonly lines?: number | undefined;
  /** True to go on with what will be logged, until `signal` says no. */
  readonly follow?: boolean;
  readonly module?: Source | undefined;
  /** At least this grave. */
  readonly level?: Level | undefined;
  /** Only what was logged since, in milliseconds since the epoch. */
  readonly since?: number | undefined;
  /** Only what belongs to this pass. */
  readonly pass?: string | undefined;
  /** Only what contains this text, whatever its case. */
  readonly text?: string | undefined;
  readonly signal?: AbortSignal;
}

/** How often a followed log is looked at. */
const pollMs = 250;

/**
 * Reads the log at `path`, rotated files included, the oldest message first.
 * What is no message, such as a line torn by a full disk, is passed over.
 *
 * @throws {LocalError} If there is no log, or it cannot be read.
 */
export async function* readLog(
  path: string,
  options: ReadLogOptions = {},
): AsyncGenerator<LogLine> {
  const parts = await openParts(path);
  const youngest = parts[0];
  if (youngest === undefined) throw missing(path);
  try {
    yield* options.lines === undefined
      ? readAll(parts.toReversed(), options)
      : await readLast(parts, options.lines, options);
    if (options.follow) yield* follow(path, parts, options);
  } finally {
    for (const part of parts) part[Symbol.dispose]();
  }
}

async function* readAll(
  parts: readonly LogPart[],
  options: ReadLogOptions,
): AsyncGenerator<LogLine> {
  for (const part of parts) yield* matching(part, options);
}

/** Reads no older part than needed; `parts` are the youngest first. */
async function readLast(
  parts: readonly LogPart[],
  count: number,
  options: ReadLogOptions,
): Promise<LogLine[]> {
  let found: LogLine[] = [];
  for (const part of parts) {
    const wanted = count - found.length;
    if (wanted <= 0 && part !== parts[0]) break;
    found = [...await lastOf(matching(part, options), wanted), ...found];
  }
  return found;
}

/** Goes on from the end of the youngest part, to `parts[0]` each time that there is a younger one. */
async function* follow(
  path: string,
  parts: LogPart[],
  options: ReadLogOptions,
): AsyncGenerator<LogLine> {
  const { signal } = options;
  while (await pause(signal)) {
    const current = parts[0]!;
    const younger = await openParts(path, current.inode);
    // Only now: what was written before it was rotated is all there.
    yield* matching(current, options);
    parts.unshift(...younger);
    yield* readAll(younger.toReversed(), options);
    for (const part of parts.splice(1)) part[Symbol.dispose]();
  }
}

async function* matching(
  part: LogPart,
  options: ReadLogOptions,
): AsyncGenerator<LogLine> {
  for await (const line of part.lines()) {
    const message = parseLine(line);
    if (message !== undefined && matches(message, options)) {
      yield { ...message, line };
    }
  }
}

function matches(
  message: LogMessage,
  { module, level = "debug", since = 0, pass, text = "" }: ReadLogOptions,
): boolean {
  return isAtLeast(message.level, level) && message.time >= since &&
    (module === undefined || message.module === module) &&
    (pass === undefined || message.pass === pass) &&
    message.text.toLowerCase().includes(text.toLowerCase());
}

async function lastOf<Item>(
  items: AsyncIterable<Item>,
  count: number,
): Promise<Item[]> {
  let last: Item[] = [];
  for await (const item of items) {
    last.push(item);
    // Cut now and then only: cutting at each item would move all of them each time.
    if (last.length > 2 * count) last = tail(last, count);
  }
  return tail(last, count);
}

function tail<Item>(items: readonly Item[], count: number): Item[] {
  return items.slice(Math.max(0, items.length - count));
}

/** Waits for the next look; returns whether there is to be one. */
async function pause(signal: AbortSignal | undefined): Promise<boolean> {
  try {
    await delay(pollMs, signal === undefined ? {} : { signal });
    return true;
  } catch {
    // That is how an aborted delay ends.
    return false;
  }
}

function missing(path: string): LocalError {
  return new LocalError(
    `Cannot read the log "${path}": it does not exist yet`,
    {
      hint: 'run "relais --once", which creates it',
    },
  );
}
