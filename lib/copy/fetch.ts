/**
 * Fetching one file over SFTP.
 *
 * @module
 */

import type { Entry } from "../list/entry.ts";
import { readRange } from "../ssh/read-range.ts";
import type { Handle, SftpSession } from "../ssh/session.ts";
import type { StagedFile } from "./staging.ts";
import type { Throttle } from "./throttle.ts";

/** The part of a session that fetching needs. */
export type Source = Pick<SftpSession, "open" | "read" | "close" | "maxRead">;

/** Makes `session` wait before it reads more than `throttle` lets through. */
export function throttled(session: SftpSession, throttle: Throttle): Source {
  return {
    maxRead: session.maxRead,
    open: (path) => session.open(path),
    close: (handle) => session.close(handle),
    async read(handle, position, length) {
      await throttle.pass(length);
      return await session.read(handle, position, length);
    },
  };
}

/** How many requests fetching `entry` keeps in flight, of `parallel` that are allowed. */
export function requestsFor(
  { size }: Entry,
  { maxRead }: Source,
  parallel: number,
): number {
  return Math.min(parallel, Math.floor(size / maxRead) + 1);
}

/**
 * Reads `entry` below `root` into `staged`, from where that stops.
 *
 * @param parallel Requests in flight.
 * @throws {SftpError} If the server does not give the file.
 * @throws {FileError} If it is longer than its entry says.
 */
export async function fetchFile(
  session: Source,
  root: string,
  entry: Entry,
  staged: StagedFile,
  parallel: number,
): Promise<void> {
  const handle = await session.open(`${root}/${entry.path}`);
  try {
    // One byte more than the list says would show that the file has grown.
    const end = entry.size + 1;
    if (end - staged.offset <= session.maxRead) {
      staged.write(await readSmall(session, handle, staged.offset, end));
      return;
    }
    const range = { start: staged.offset, end, parallel };
    for await (const bytes of readRange(session, handle, range)) {
      staged.write(bytes);
    }
  } finally {
    // Nothing depends on the answer: the next request need not wait for it.
    session.close(handle).catch(() => {});
  }
}

/** Reads what one answer can hold; a server may give it in several. */
async function readSmall(
  session: Source,
  handle: Handle,
  start: number,
  end: number,
): Promise<Uint8Array> {
  const bytes = await session.read(handle, start, end - start);
  if (bytes.length === end - start - 1) return bytes;
  const pieces = [bytes];
  let position = start + bytes.length;
  while (position < end) {
    const more = await session.read(handle, position, end - position);
    if (more.length === 0) break;
    pieces.push(more);
    position += more.length;
  }
  return new Uint8Array(await new Blob(pieces as BlobPart[]).arrayBuffer());
}
