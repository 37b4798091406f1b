/**
 * Reading a small file whole.
 *
 * @module
 */

import type { SftpSession } from "./session.ts";

/**
 * Reads the first `length` bytes of the file at `path`, of which there must be
 * no more than one answer holds. Fewer come where the file ends.
 *
 * @throws {SftpError} If the server does not give the file.
 */
export async function readFile(
  session: Pick<SftpSession, "open" | "read" | "close">,
  path: string,
  length: number,
): Promise<Uint8Array> {
  const handle = await session.open(path);
  try {
    const bytes = await session.read(handle, 0, length);
    // One byte less is what is expected of a file that did not grow.
    if (bytes.length >= length - 1) return bytes;
    const pieces = [bytes];
    let position = bytes.length;
    while (position < length) {
      const more = await session.read(
        handle,
        position,
        length - position,
      );
      if (more.length === 0) break;
      pieces.push(more);
      position += more.length;
    }
    return new Uint8Array(await new Blob(pieces as BlobPart[]).arrayBuffer());
  } finally {
    // Nothing depends on the answer: the next request need not wait for it.
    session.close(handle).catch(() => {});
  }
}
