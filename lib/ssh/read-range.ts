/**
 * Reading stretches of a remote file with many requests in flight, so that the
 * round trip is paid once and not for every block.
 *
 * @module
 */

import { FileError } from "../errors.ts";
import { ComingRanges, type Range } from "./coming-ranges.ts";
import { leastProgress } from "./request-watch.ts";

export type { Range };

/**
 * Reads at most so many bytes at a position, as SFTP's READ does: fewer may come,
 * none at the end of the file. They may be put into `memory`, which is gone then.
 */
export type Read = (
  position: number,
  length: number,
  memory?: ArrayBuffer,
) => Promise<Uint8Array>;

/** How to read. */
export interface Manner {
  /** Bytes of one request. */
  readonly length: number;
  /** Tells how many requests of that length may be in flight, which bounds the memory in use as well; shorter ones may be more. */
  readonly parallel: () => number;
}

/** How to read over a link whose rate is found out meanwhile. */
export interface Pacing {
  /** Tells the bytes of the next request. */
  readonly length: () => number;
  /** Tells how many bytes may be asked for, or have come and wait for their turn. */
  readonly most: () => number;
  /** See {@link readFully}. */
  readonly limitMs?: number;
}

/** A request counts as so many bytes at least, however short it is: it keeps a server busy. */
const leastCounted = 16 * 1024;

/** The shortest request that follows a short answer. */
const leastAsked = 512;

/**
 * Reads `[start, end)` and yields it in order, in pieces of at most `length`
 * bytes. Ends early where the file does: the caller counts. Short answers are
 * legal in SFTP; the rest is asked for again.
 */
export function readRange(
  read: Read,
  { start, end, length, parallel }: Range & Manner,
): AsyncGenerator<Uint8Array> {
  return readRanges(read, [{ start, end }], {
    length: () => length,
    most: () => parallel() * length,
  });
}

/**
 * Reads several ranges of one file, one after the other, as {@link readRange}
 * does; no piece is of two of them. What becomes known meanwhile is asked for at
 * once. At least one request is in flight. What came of a piece before an error is
 * yielded before the error is thrown. Where `read` takes memory, a piece is gone
 * once the next one is asked for.
 */
export async function* readRanges(
  read: Read,
  ranges: Iterable<Range> | ComingRanges,
  { length, most, limitMs }: Pacing,
): AsyncGenerator<Uint8Array> {
  const coming = ranges instanceof ComingRanges
    ? ranges
    : ComingRanges.all(ranges);
  const flight: { length: number; answer: Promise<Piece> }[] = [];
  const memory: ArrayBuffer[] = [];
  let inFlight = 0;
  const ask = () => {
    while (inFlight === 0 || inFlight < most()) {
      const next = coming.take(length());
      if (next === undefined) return;
      const { start, end } = next;
      const answer = readPiece(
        (position, length) => read(position, length, memory.pop()),
        start,
        end - start,
        limitMs,
      );
      flight.push({ length: end - start, answer });
      inFlight += Math.max(leastCounted, end - start);
    }
  };
  coming.onPush(ask);
  try {
    for (;;) {
      ask();
      const first = flight.shift();
      if (first === undefined) {
        if (await coming.more()) continue;
        return;
      }
      const { length: wanted, answer } = first;
      const { bytes, error } = await answer;
      inFlight -= Math.max(leastCounted, wanted);
      if (bytes.length > 0) {
        yield bytes;
        memory.push(bytes.buffer as ArrayBuffer);
      }
      if (error !== undefined) throw error;
      if (bytes.length < wanted) return;
    }
  } finally {
    coming.onPush(() => {});
  }
}

/**
 * Reads until `length` bytes are there or the file ends.
 *
 * @param limitMs Answers that together bring next to nothing in this time are an error. @default no limit
 * @throws {FileError} If the answers are too short.
 */
export async function readFully(
  read: Read,
  position: number,
  length: number,
  limitMs?: number,
): Promise<Uint8Array> {
  const { bytes, error } = await readPiece(read, position, length, limitMs);
  if (error !== undefined) throw error;
  return bytes;
}

/** What came of a piece, and why no more did. */
interface Piece {
  readonly bytes: Uint8Array;
  readonly error?: unknown;
}

/** Does what {@link readFully} does, and never throws. */
async function readPiece(
  read: Read,
  position: number,
  length: number,
  limitMs = Infinity,
): Promise<Piece> {
  let bytes: Uint8Array = new Uint8Array(0);
  let filled = 0;
  try {
    bytes = await read(position, length);
    filled = bytes.length;
    if (filled === length || filled === 0) return { bytes };
    const whole = new Uint8Array(length);
    whole.set(bytes);
    bytes = whole;
    const progress = new Progress(limitMs);
    for (let came = filled; filled < length;) {
      // A server that answers little is not asked for much: each answer needs room for all it could be.
      const asked = Math.max(leastAsked, 2 * came);
      const left = Math.min(asked, length - filled);
      const more = await read(position + filled, left);
      came = more.length;
      if (came === 0) break;
      bytes.set(more, filled);
      filled += came;
      progress.made(came);
    }
    return { bytes: bytes.subarray(0, filled) };
  } catch (error) {
    return { bytes: bytes.subarray(0, filled), error };
  }
}

/** Watches answers that are shorter than what was asked for. */
class Progress {
  readonly #limitMs: number;
  #since = performance.now();
  #bytes = 0;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** @throws {FileError} If too little has come for too long. */
  made(bytes: number): void {
    this.#bytes += bytes;
    const now = performance.now();
    if (this.#bytes >= leastProgress) {
      this.#bytes = 0;
      this.#since = now;
    } else if (now - this.#since > this.#limitMs) {
      const seconds = this.#limitMs / 1_000;
      throw new SlowError(
        `Too slow: only ${this.#bytes} bytes of a file arrived in ${seconds} s`,
      );
    }
  }
}

/** A file that comes too slowly to be waited for. Another server may have it. */
export class SlowError extends FileError {
  override readonly name = "SlowError";

  constructor(message: string) {
    super(message, {
      hint:
        "check the disk and the load of the server, or raise limits.request",
    });
  }
}
