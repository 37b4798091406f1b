/**
 * Reading a small file whole.
 *
 * @module
 */

import { type Read, readFully } from "./read-range.ts";
import type { SftpSession } from "./session.ts";

/** How a small file is read. */
export interface SmallFile {
  readonly path: string;
  /** Bytes to read, of which there must be no more than one answer holds: one more than are expected. */
  readonly length: number;
  /** Whether the reader has a digest to tell by whether they are the right ones. */
  readonly isChecked: boolean;
}

/**
 * Reads a file from its start. Fewer bytes come where it ends.
 *
 * @throws {SftpError} If the server does not give the file.
 */
export async function readFile(
  session: SftpSession,
  file: SmallFile,
): Promise<Uint8Array> {
  const { path, length, isChecked } = file;
  const expected = length - 1;
  const atOnce = isChecked
    ? await session.readAtOnce(path, length, expected)
    : undefined;
  if (atOnce !== undefined) return atOnce;
  const handle = await session.open(path);
  try {
    const read: Read = (position, bytes) =>
      session.read(handle, position, bytes);
    const first = await read(0, length);
    if (first.length >= expected) return first;
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
