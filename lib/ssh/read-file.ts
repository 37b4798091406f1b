/**
 * Reading a small file whole.
 *
 * @module
 */

import { type Read, readFully } from "./read-range.ts";
import type { SftpSession } from "./session.ts";

/**
 * Reads the first `length` bytes of the file at `path`, of which there must be
 * no more than one answer holds. Fewer come where the file ends.
 *
 * @throws {SftpError} If the server does not give the file.
 */
export async function readFile(
  session: Pick<SftpSession, "open" | "read" | "close" | "requestMs">,
  path: string,
  length: number,
): Promise<Uint8Array> {
  const handle = await session.open(path);
  try {
    const read: Read = (position, bytes) =>
      session.read(handle, position, bytes);
    const first = await read(0, length);
    // One byte less is what is expected of a file that did not grow.
    if (first.length >= length - 1) return first;
    const rest = await readFully(
      read,
      first.length,
      length - first.length,
      session.requestMs,
    );
    // Not of a pool: its buffer may be handed over to another worker.
    const whole = new Uint8Array(first.length + rest.length);
    whole.set(first);
    whole.set(rest, first.length);
    return whole;
  } finally {
    // Nothing depends on the answer: the next request need not wait for it.
    session.close(handle).catch(() => {});
  }
}
