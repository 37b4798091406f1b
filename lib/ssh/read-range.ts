/**
 * Reading a stretch of a remote file with many requests in flight, so that the
 * round trip is paid once and not for every block.
 *
 * @module
 */

/** Reads at most so many bytes at a position, as SFTP's READ does: fewer may come, none at the end of the file. */
export type Read = (position: number, length: number) => Promise<Uint8Array>;

/** What to read, and how. */
export interface Range {
  readonly start: number;
  readonly end: number;
  /** Bytes of one request. */
  readonly length: number;
  /** Tells how many requests may be in flight, which bounds the memory in use as well. */
  readonly parallel: () => number;
}

/**
 * Reads `[start, end)` and yields it in order, in pieces of at most `length`
 * bytes. Ends early where the file does: the caller counts. Short answers are
 * legal in SFTP; the rest is asked for again.
 */
export async function* readRange(
  read: Read,
  { start, end, length, parallel }: Range,
): AsyncGenerator<Uint8Array> {
  const flight: { length: number; answer: Promise<Uint8Array> }[] = [];
  let next = start;
  while (next < end || flight.length > 0) {
    while (next < end && flight.length < parallel()) {
      const piece = Math.min(length, end - next);
      const answer = readFully(read, next, piece);
      // It may fail before its turn comes, or nobody may want it any more.
      answer.catch(() => {});
      flight.push({ length: piece, answer });
      next += piece;
    }
    const { length: wanted, answer } = flight.shift()!;
    const bytes = await answer;
    if (bytes.length > 0) yield bytes;
    if (bytes.length < wanted) return;
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
