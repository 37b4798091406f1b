/**
 * Making a new version of what is here of it and what is fetched.
 *
 * @module
 */

import type { Stretch } from "../delta/recipe.ts";
import { FileError } from "../errors.ts";
import { Pacer } from "../worker/pacer.ts";
import type { Old } from "../delta/search.ts";
import type { ComingRanges } from "../ssh/coming-ranges.ts";
import type { Range } from "../ssh/read-range.ts";

/** Bytes of the old version that are read at a time. */
const blockBytes = 1024 * 1024;

/** Fetches ranges of the new version, in order. */
export type FetchRanges = (
  ranges: readonly Range[] | ComingRanges,
) => AsyncGenerator<Uint8Array>;

/** An old version, and what it is called when it is told of. */
export interface NamedOld extends Old {
  readonly name: string;
}

/** A part of the new version. */
export interface Piece {
  readonly bytes: Uint8Array;
  /** True if it is from the old version, read for it or searched before. */
  readonly fromOld: boolean;
}

/**
 * Yields what `recipe` says, in order. Ends early where the file on the server does. The bytes of a
 * piece are overwritten by the next one.
 *
 * @throws {FileError} If the old version has become shorter meanwhile.
 */
export async function* rebuild(
  recipe: readonly Stretch[],
  old: NamedOld,
  fetchRanges: FetchRanges,
): AsyncGenerator<Piece> {
  const missing = recipe.filter(({ old }) => old === null);
  const fetched = missing.length === 0 ? nothing() : fetchRanges(missing);
  // Always asked for ahead: the server works while the old version is read.
  let next = ahead(fetched);
  try {
    for (const { start, end, old: at } of recipe) {
      if (at !== null) {
        const range = { start: at, end: at + end - start };
        for await (const bytes of readOld(old, range)) {
          yield { bytes, fromOld: true };
        }
        continue;
      }
      for (let left = end - start; left > 0;) {
        const { done, value: bytes } = await next;
        if (done) return;
        left -= bytes.length;
        yield { bytes, fromOld: false };
        next = ahead(fetched);
      }
    }
  } finally {
    await fetched.return(undefined);
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** Asks for the next piece before its turn comes. */
export function ahead(
  fetched: AsyncGenerator<Uint8Array>,
): Promise<IteratorResult<Uint8Array, undefined>> {
  const next = fetched.next();
  // It may fail before its turn comes.
  next.catch(() => {});
  return next;
}

/**
 * Yields a part of an old version; the bytes of a piece are overwritten by the next
 * one.
 *
 * @throws {FileError} If it has become shorter.
 */
export async function* readOld(
  old: NamedOld,
  { start, end }: Range,
): AsyncGenerator<Uint8Array> {
  const pacer = new Pacer();
  const block = new Uint8Array(Math.min(blockBytes, end - start));
  for (let at = start; at < end; at += block.length) {
    const bytes = block.subarray(0, end - at);
    if (old.read(at, bytes) < bytes.length) {
      throw new FileError(
        `Cannot use ${old.name}: it became shorter while it was read`,
        {
          retriable: true,
        },
      );
    }
    yield bytes;
    await pacer.pause();
  }
}
