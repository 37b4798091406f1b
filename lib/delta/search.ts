/**
 * Finding the blocks of a new version in an old one.
 *
 * Where a block was found, the next one is expected right behind it, and its weak
 * sum is enough: what did not change is searched at the speed of memory. Only
 * where the expectation fails, the weak sum is moved on byte by byte, and a block
 * that it finds is one if its strong sum is right.
 *
 * @module
 */

import { Pacer } from "../worker/pacer.ts";
import type { Blocks } from "./blocks.ts";
import { Roller, strongSum, weakSum } from "./sums.ts";

/** An old version, or a part of one. */
export interface Old {
  readonly size: number;
  /** Fills `into` from `position` on; returns how many bytes there were. */
  read(position: number, into: Uint8Array): number;
}

/** What a search has come to. */
export interface Found {
  /** Where each block lies in the old version; -1: nowhere. */
  readonly places: Float64Array;
  /** True if the search was ended before its end. */
  readonly givenUp: boolean;
}

/** How a search goes, for who decides whether to go on with it. */
export interface Progress {
  readonly searched: number;
  /** Bytes among them that are of use. */
  readonly found: number;
}

/** Bytes of the old version in memory at a time, or so many blocks of it. */
const windowBytes = 4 * 1024 * 1024;
const windowBlocks = 4;

/**
 * Strong sums that come out wrong may be taken of so many bytes, as a share of
 * the old version: contents and signature can be made for each other such that
 * every byte would cost one.
 */
const mostWrong = 1;

/** Searches all of `old`. `goOn` is asked now and then, and may end it. */
export async function search(
  old: Old,
  blocks: Blocks,
  goOn: (progress: Progress) => boolean = () => true,
): Promise<Found> {
  const pacer = new Pacer();
  const searching = new Search(old, blocks);
  let givenUp = false;
  while (!givenUp && searching.window()) {
    givenUp = searching.isFutile || !goOn(searching.progress);
    await pacer.pause();
  }
  if (!givenUp) searching.end();
  return { places: searching.places(), givenUp };
}

/**
 * Estimates which share of `old` is of use, from `samples` stretches of it that
 * are so long that each holds a whole block, wherever it begins.
 */
export function estimate(old: Old, blocks: Blocks, samples: number): number {
  const { blockSize } = blocks.signature;
  const length = Math.min(old.size, 2 * blockSize);
  const bytes = new Uint8Array(length);
  let hits = 0;
  for (let sample = 0; sample < samples; sample++) {
    const spread = (sample + Math.random()) / samples;
    const read = old.read(Math.floor(spread * (old.size - length)), bytes);
    if (holdsBlock(bytes.subarray(0, read), blocks)) hits++;
  }
  return hits / samples;
}

function holdsBlock(bytes: Uint8Array, blocks: Blocks): boolean {
  const end = bytes.length - blocks.signature.blockSize;
  if (end < 0) return false;
  const scan = new Scan(blocks);
  scan.begin(bytes, 0);
  return scan.next(bytes, end) !== undefined;
}

/** Moves along some bytes, from block to block. */
class Scan {
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

/** A search through a window that is moved along the old version. */
class Search {
  readonly #old: Old;
  readonly #blocks: Blocks;
  readonly #scan: Scan;
  readonly #length: number;
  readonly #buffer: Uint8Array;
  readonly #places: Float64Array;
  /** Where the window begins in the old version, and how much it holds. */
  #position = 0;
  #filled = 0;
  /** The block that should come next, and whether the scan is under way because none did. */
  #expected = 0;
  #scanning = false;
  #found = 0;

  constructor(old: Old, blocks: Blocks) {
    this.#old = old;
    this.#blocks = blocks;
    this.#scan = new Scan(blocks);
    this.#length = blocks.signature.blockSize;
    const bytes = Math.max(windowBytes, windowBlocks * this.#length);
    this.#buffer = new Uint8Array(Math.min(bytes, old.size));
    this.#places = new Float64Array(blocks.count).fill(-1);
  }

  get progress(): Progress {
    return { searched: this.#position + this.#scan.at, found: this.#found };
  }

  get isFutile(): boolean {
    return this.#scan.wrong > mostWrong * this.#old.size + 64 * this.#length;
  }

  /** Searches the next window; false if there is none. */
  window(): boolean {
    const kept = this.#filled - this.#scan.at;
    this.#buffer.copyWithin(0, this.#scan.at, this.#filled);
    this.#position += this.#scan.at;
    this.#scan.at = 0;
    const read = this.#old.read(
      this.#position + kept,
      this.#buffer.subarray(kept),
    );
    this.#filled = kept + read;
    if (read === 0) return false;
    const end = this.#filled - this.#length;
    while (this.#scan.at <= end && !this.isFutile) {
      if (!this.#follow(end) && !this.#seek(end)) break;
    }
    return true;
  }

  /** Looks for the last block, which may be short, behind the one before it and at the end. */
  end(): void {
    const last = this.#blocks.count - 1;
    const length = this.#blocks.lengthOf(last);
    if (this.#places[last] !== -1) return;
    const before = last > 0 ? this.#places[last - 1]! : -1;
    const behind = before === -1 ? 0 : before + this.#length;
    for (const at of [behind, this.#old.size - length]) {
      if (at < 0) continue;
      const block = new Uint8Array(length);
      if (this.#old.read(at, block) < length) continue;
      if (this.#blocks.is(last, strongSum(block))) this.#places[last] = at;
    }
  }

  /** Where each block lies. */
  places(): Float64Array {
    return this.#places.map((place, block) =>
      place === -1 ? this.#places[this.#blocks.same(block)]! : place
    );
  }

  /** Takes the block that should come next, or if it alone was changed in its place the one after it. */
  #follow(end: number): boolean {
    if (this.#scanning) return false;
    for (const ahead of [0, 1]) {
      const at = this.#scan.at + ahead * this.#length;
      const block = this.#expected + ahead;
      if (at > end || block >= this.#blocks.count) break;
      const bytes = this.#buffer.subarray(at, at + this.#length);
      if (!this.#blocks.seems(block, weakSum(bytes))) continue;
      this.#take(block, at);
      return true;
    }
    if (this.#scan.at + this.#length > end && this.#isMore()) return false;
    this.#scanning = true;
    this.#scan.begin(this.#buffer, this.#scan.at);
    return false;
  }

  /** Goes on byte by byte to a block, or to the end of the window. */
  #seek(end: number): boolean {
    if (!this.#scanning) return false;
    const block = this.#scan.next(this.#buffer, end);
    if (block === undefined) return false;
    this.#take(block, this.#scan.at);
    return true;
  }

  #take(block: number, at: number): void {
    this.#scanning = false;
    this.#scan.at = at + this.#length;
    this.#expected = block + 1;
    this.#found += this.#length;
    if (this.#places[block] === -1) this.#places[block] = this.#position + at;
  }

  /** Tells whether the old version goes on behind the window. */
  #isMore(): boolean {
    return this.#position + this.#filled < this.#old.size;
  }
}
