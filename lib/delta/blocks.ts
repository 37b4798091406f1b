/**
 * The blocks of a signature, to be found by their sums.
 *
 * @module
 */

import { countBlocks, type Signature } from "./signature.ts";
import type { Filter, StrongSum } from "./sums.ts";

/** Bits of the filter, and places of the table, for each block: few enough sums get through for nothing. */
const filterBits = 32;
const tablePlaces = 2;

/**
 * Different blocks of one weak sum that are kept. Chance makes two at most; a
 * signature with more is made to cost time, and its further blocks are fetched.
 */
const mostAlike = 8;

/** The blocks of one file. */
export class Blocks {
  readonly signature: Signature;
  readonly count: number;
  readonly filter: Filter;
  /** For each place, 1 + the first block whose sum belongs there; 0: none. */
  readonly #table: Int32Array;
  readonly #places: number;
  /** Odd, and nobody else's to know: no signature can be made to fill one place. */
  readonly #factor = (Math.random() * 2 ** 32) | 1;
  /** For each block, 1 + the next one of the same weak and another strong sum; 0: none. */
  readonly #next: Int32Array;
  /** For each block, the first one with the same contents. */
  readonly #same: Int32Array;

  constructor(signature: Signature) {
    this.signature = signature;
    this.count = countBlocks(signature);
    const bits = bitsFor(this.count * filterBits);
    this.filter = {
      bits: new Int32Array(2 ** bits / 32),
      shift: 32 - bits,
    };
    this.#places = bitsFor(this.count * tablePlaces);
    this.#table = new Int32Array(2 ** this.#places);
    this.#next = new Int32Array(this.count);
    this.#same = new Int32Array(this.count);
    for (let block = 0; block < this.count; block++) this.#add(block);
  }

  /** Bytes of a block; the last one may be shorter. */
  lengthOf(block: number): number {
    const { size, blockSize } = this.signature;
    return Math.min(blockSize, size - block * blockSize);
  }

  /** Tells whether a block has this weak sum. */
  has(weak: number): boolean {
    return this.#table[this.#place(weak)] !== 0;
  }

  /** Returns the block of these sums, the first of those with the same contents; `undefined` if there is none. */
  find(weak: number, strong: StrongSum): number | undefined {
    let block = this.#table[this.#place(weak)]! - 1;
    while (block >= 0 && !this.is(block, strong)) {
      block = this.#next[block]! - 1;
    }
    return block < 0 ? undefined : block;
  }

  /** Tells whether a block has this weak sum. */
  seems(block: number, weak: number): boolean {
    return this.signature.weak[block] === weak;
  }

  /** Tells whether a block has this strong sum. */
  is(block: number, { first, second }: StrongSum): boolean {
    const { strong } = this.signature;
    return strong[2 * block] === first && strong[2 * block + 1] === second;
  }

  /** Returns the first block with the contents of `block`. */
  same(block: number): number {
    return this.#same[block]!;
  }

  #add(block: number): void {
    this.#same[block] = block;
    const weak = this.signature.weak[block]!;
    const place = this.#place(weak);
    const key = weak >>> this.filter.shift;
    this.filter.bits[key >>> 5]! |= 1 << key;
    const first = this.#table[place]! - 1;
    if (first < 0) this.#table[place] = block + 1;
    else this.#chain(first, block);
  }

  #chain(first: number, block: number): void {
    const strong = this.#strongOf(block);
    let last = first;
    for (let alike = 1;; alike++) {
      const sameContents = this.is(last, strong) &&
        this.lengthOf(last) === this.lengthOf(block);
      if (sameContents) this.#same[block] = last;
      if (sameContents || alike === mostAlike) return;
      if (this.#next[last] === 0) break;
      last = this.#next[last]! - 1;
    }
    this.#next[last] = block + 1;
  }

  #strongOf(block: number): StrongSum {
    const { strong } = this.signature;
    return { first: strong[2 * block]!, second: strong[2 * block + 1]! };
  }

  /** The place of a weak sum in the table: its own, or an empty one. */
  #place(weak: number): number {
    const last = this.#table.length - 1;
    const { weak: sums } = this.signature;
    let place = Math.imul(weak, this.#factor) >>> (32 - this.#places);
    for (;; place = (place + 1) & last) {
      const block = this.#table[place]! - 1;
      if (block < 0 || sums[block] === weak) return place;
    }
  }
}

/** How many bits count to at least `values`. */
function bitsFor(values: number): number {
  return Math.max(5, Math.ceil(Math.log2(values)));
}
