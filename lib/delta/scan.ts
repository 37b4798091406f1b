/**
 * Moving along some bytes, from block to block.
 *
 * @module
 */

import type { Blocks } from "./blocks.ts";
import { Roller, strongSum, weakSum } from "./sums.ts";

/** Moves along some bytes, and finds the blocks in them. */
export class Scan {
  at = 0;
  /** Bytes that strong sums were taken of for nothing. */
  wrong = 0;
  readonly #blocks: Blocks;
  readonly #length: number;
  readonly #roller: Roller;
  #sum = 0;

  constructor(blocks: Blocks) {
    this.#blocks = blocks;
    this.#length = blocks.signature.blockSize;
    this.#roller = new Roller(this.#length);
  }

  begin(bytes: Uint8Array, at: number): void {
    this.at = at;
    this.#sum = weakSum(bytes.subarray(at, at + this.#length));
  }

  /** Goes on to the next block that is found, or to `end`; returns the block. */
  next(bytes: Uint8Array, end: number): number | undefined {
    const { filter } = this.#blocks;
    for (;;) {
      const range = { at: this.at, end, sum: this.#sum };
      ({ at: this.at, sum: this.#sum } = this.#roller.roll(
        bytes,
        range,
        filter,
      ));
      const block = this.#look(bytes);
      if (block !== undefined) return block;
      if (this.at === end) return undefined;
      this.#step(bytes);
    }
  }

  #look(bytes: Uint8Array): number | undefined {
    if (!this.#blocks.has(this.#sum)) return undefined;
    const strong = strongSum(bytes.subarray(this.at, this.at + this.#length));
    const block = this.#blocks.find(this.#sum, strong);
    if (block === undefined) this.wrong += this.#length;
    return block;
  }

  /** Past a sum that the filter let through. */
  #step(bytes: Uint8Array): void {
    this.#sum = this.#roller.step(bytes, this.at++, this.#sum);
  }
}
