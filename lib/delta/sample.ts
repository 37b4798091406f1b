/**
 * Estimating how much of an old version is of use, before it is searched.
 *
 * @module
 */

import type { Blocks } from "./blocks.ts";
import { Scan } from "./scan.ts";
import type { Old } from "./search.ts";

/** What samples of an old version tell. */
export interface Samples {
  /** Which share of it seems to be of use, 0 to 1. */
  readonly share: number;
  /** Where the samples lie in which something was found, in order. */
  readonly useful: readonly number[];
}

/**
 * Looks at `count` stretches of `old`, spread over it, that are so long that each
 * holds a whole block, wherever it begins.
 */
export function sample(old: Old, blocks: Blocks, count: number): Samples {
  const { blockSize } = blocks.signature;
  const length = Math.min(old.size, 2 * blockSize);
  const bytes = new Uint8Array(length);
  const useful: number[] = [];
  for (let sample = 0; sample < count; sample++) {
    const spread = (sample + Math.random()) / count;
    const at = Math.floor(spread * (old.size - length));
    const read = old.read(at, bytes);
    if (holdsBlock(bytes.subarray(0, read), blocks)) useful.push(at);
  }
  return { share: useful.length / count, useful };
}

function holdsBlock(bytes: Uint8Array, blocks: Blocks): boolean {
  const end = bytes.length - blocks.signature.blockSize;
  if (end < 0) return false;
  const scan = new Scan(blocks);
  scan.begin(bytes, 0);
  return scan.next(bytes, end) !== undefined;
}
