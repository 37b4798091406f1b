/**
 * How far a new version is settled while its old one is still being searched: where
 * blocks of it have been found in their order, what lies between them is taken for
 * new. So the old version need be read only once.
 *
 * @module
 */

import type { Blocks } from "./blocks.ts";
import { append, type Stretch } from "./recipe.ts";
import { follows, type Run } from "./search.ts";

/** What a frontier begins with. */
export interface Outset {
  /** The first block that is not settled. */
  readonly next: number;
  /** Bytes that may be taken for new, and may turn out to be in the old version after all. */
  readonly spare: number;
  /** Where a block lies in the old version, as far as is known; -1: nowhere. */
  readonly placeOf: (block: number) => number;
}

/** Up to where a new version is settled. */
export class Frontier {
  readonly #blocks: Blocks;
  readonly #placeOf: (block: number) => number;
  #next: number;
  #spare: number;
  #isStuck = false;
  /** A run that is too short yet to say that all before it is new. */
  #doubtful: Run | undefined;

  constructor(blocks: Blocks, { next, spare, placeOf }: Outset) {
    this.#blocks = blocks;
    this.#next = next;
    this.#spare = spare;
    this.#placeOf = placeOf;
  }

  /** True if the blocks lie in another order, or too many are missing: only the whole search can tell. */
  get isStuck(): boolean {
    return this.#isStuck;
  }

  /** Takes in what was found, in the order of the old version; returns what of the new one is settled by it. */
  settle(runs: readonly Run[]): Stretch[] {
    const stretches: Stretch[] = [];
    for (const run of runs) {
      if (!this.#isStuck) this.#take(this.#joined(run), stretches);
    }
    return stretches;
  }

  /** A run together with the one before it, of which it may be the rest. */
  #joined(run: Run): Run {
    const before = this.#doubtful;
    this.#doubtful = undefined;
    const { blockSize } = this.#blocks.signature;
    return before !== undefined && follows(run, before, blockSize)
      ? { ...before, count: before.count + run.count }
      : run;
  }

  #take(run: Run, stretches: Stretch[]): void {
    const end = run.block + run.count;
    if (end <= this.#next) return;
    const gap = run.block - this.#next;
    // A few blocks like others, such as zeros, may be found anywhere.
    if (run.count < gap) {
      this.#doubtful = run;
      return;
    }
    if (gap > 0 && !this.#passOver(run.block, stretches)) return;
    const skipped = Math.max(0, -gap);
    const { blockSize } = this.#blocks.signature;
    append(stretches, {
      start: (run.block + skipped) * blockSize,
      end: this.#endOf(end),
      old: run.position + skipped * blockSize,
    });
    this.#next = end;
  }

  /** Settles the blocks up to `until`; returns false if too many of them would be taken for new. */
  #passOver(until: number, stretches: Stretch[]): boolean {
    const { blockSize } = this.#blocks.signature;
    const between: Stretch[] = [];
    let spare = this.#spare;
    for (let block = this.#next; block < until; block++) {
      const place = this.#placeOf(block);
      if (place === -1) spare -= blockSize;
      append(between, {
        start: block * blockSize,
        end: this.#endOf(block + 1),
        old: place === -1 ? null : place,
      });
    }
    this.#isStuck = spare < 0;
    if (this.#isStuck) return false;
    this.#spare = spare;
    for (const stretch of between) append(stretches, stretch);
    return true;
  }

  /** Where the blocks before `block` end in the new version. */
  #endOf(block: number): number {
    const { size, blockSize } = this.#blocks.signature;
    return Math.min(size, block * blockSize);
  }
}
