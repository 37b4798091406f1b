/**
 * Reading stretches of a remote file with many requests in flight, so that the
 * round trip is paid once and not for every block.
 *
 * @module
 */

/** Reads at most so many bytes at a position, as SFTP's READ does: fewer may come, none at the end of the file. */
export type Read = (position: number, length: number) => Promise<Uint8Array>;

/** A part of a file, from `start` up to but not including `end`. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** How to read. */
export interface Manner {
  /** Bytes of one request. */
  readonly length: number;
  /** Tells how many requests of that length may be in flight, which bounds the memory in use as well; shorter ones may be more. */
  readonly parallel: () => number;
}

/** A request counts as so many bytes at least, however short it is: it keeps a server busy. */
const leastCounted = 16 * 1024;

/**
 * Reads `[start, end)` and yields it in order, in pieces of at most `length`
 * bytes. Ends early where the file does: the caller counts. Short answers are
 * legal in SFTP; the rest is asked for again.
 */
export function readRange(
  read: Read,
  { start, end, ...manner }: Range & Manner,
): AsyncGenerator<Uint8Array> {
  return readRanges(read, [{ start, end }], manner);
}

/** Reads several ranges of one file, one after the other, as {@link readRange} does; no piece is of two of them. */
export async function* readRanges(
  read: Read,
  ranges: Iterable<Range>,
  { length, parallel }: Manner,
): AsyncGenerator<Uint8Array> {
  const flight: { length: number; answer: Promise<Uint8Array> }[] = [];
  const pieces = split(ranges, length);
  let next = pieces.next();
  let inFlight = 0;
  while (!next.done || flight.length > 0) {
    while (!next.done && inFlight < parallel() * length) {
      const { start, end } = next.value;
      const answer = readFully(read, start, end - start);
      // It may fail before its turn comes, or nobody may want it any more.
      answer.catch(() => {});
      flight.push({ length: end - start, answer });
      inFlight += Math.max(leastCounted, end - start);
      next = pieces.next();
    }
    const { length: wanted, answer } = flight.shift()!;
    const bytes = await answer;
    inFlight -= Math.max(leastCounted, wanted);
    if (bytes.length > 0) yield bytes;
    if (bytes.length < wanted) return;
  }
}

function* split(
  ranges: Iterable<Range>,
  length: number,
): Generator<Range, undefined> {
  for (const { start, end } of ranges) {
    for (let at = start; at < end; at += length) {
      yield { start: at, end: Math.min(end, at + length) };
    }
  }
}

/** Reads until `length` bytes are there or the file ends. */
export async function readFully(
  read: Read,
  position: number,
  length: number,
): Promise<Uint8Array> {
  const first = await read(position, length);
  if (first.length === length || first.length === 0) return first;
  const whole = new Uint8Array(length);
  whole.set(first);
  let filled = first.length;
  while (filled < length) {
    const more = await read(position + filled, length - filled);
    if (more.length === 0) break;
    whole.set(more, filled);
    filled += more.length;
  }
  return whole.subarray(0, filled);
}
