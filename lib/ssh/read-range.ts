/**
 * Reading a stretch of a remote file with many requests in flight, so that the
 * round trip is paid once and not for every block.
 *
 * @module
 */

import type { Handle, SftpSession } from "./session.ts";

/** The part of a session that reading needs. */
export type Readable = Pick<SftpSession, "read" | "maxRead">;

/**
 * Reads `[start, end)` and yields it in order, in pieces of at most
 * `session.maxRead` bytes. Ends early where the file does: the caller counts.
 * Short answers are legal in SFTP; the rest is asked for again.
 *
 * @param parallel Requests in flight, which bounds the memory in use as well.
 */
export async function* readRange(
  session: Readable,
  handle: Handle,
  { start, end, parallel }: { start: number; end: number; parallel: number },
): AsyncGenerator<Uint8Array> {
  const flight: { length: number; answer: Promise<Uint8Array> }[] = [];
  let next = start;
  while (next < end || flight.length > 0) {
    while (next < end && flight.length < parallel) {
      const length = Math.min(session.maxRead, end - next);
      const answer = readFully(session, handle, next, length);
      // It may fail before its turn comes, or nobody may want it any more.
      answer.catch(() => {});
      flight.push({ length, answer });
      next += length;
    }
    const { length, answer } = flight.shift()!;
    const bytes = await answer;
    if (bytes.length > 0) yield bytes;
    if (bytes.length < length) return;
  }
}

/** Reads until `length` bytes are there or the file ends. */
async function readFully(
  session: Readable,
  handle: Handle,
  position: number,
  length: number,
): Promise<Uint8Array> {
  const first = await session.read(handle, position, length);
  if (first.length === length || first.length === 0) return first;
  const whole = new Uint8Array(length);
  whole.set(first);
  let filled = first.length;
  while (filled < length) {
    const more = await session.read(handle, position + filled, length - filled);
    if (more.length === 0) break;
    whole.set(more, filled);
    filled += more.length;
  }
  return whole.subarray(0, filled);
}
