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
import { Scan } from "./scan.ts";
import { strongSum, weakSum } from "./sums.ts";

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
  /** Bytes up to where the old version has been searched. */
  readonly searched: number;
  /** Bytes among them that are of use. */
  readonly found: number;
  /** Bytes since the last one that is of use. */
  readonly barren: number;
  /** Time that it took to read and search them. */
  readonly ms: number;
}

/** Blocks that lie in the old version as they follow each other in the new one. */
export interface Run {
  readonly block: number;
  readonly count: number;
  /** Where the first one lies in the old version. */
  readonly position: number;
}

/** A part of the old version, in memory, and what was found in it. */
export interface Window {
  readonly position: number;
  readonly bytes: Uint8Array;
  readonly runs: readonly Run[];
}

/** Where a search begins: whole blocks before it lie in the old version where they lie in the new one. */
export interface Beginning {
  readonly position: number;
  readonly block: number;
}

/** Bytes of the old version in memory at a time, or so many blocks of it. */
const windowBytes = 1024 * 1024;
const windowBlocks = 4;

/**
 * Strong sums that come out wrong may be taken of so many bytes, as a share of
 * the old version: contents and signature can be made for each other such that
 * every byte would cost one.
 */
const mostWrong = 1;

/** Goes on with a search to the end of the old version. `goOn` is asked now and then, and may end it. */
export async function search(
  searching: Search,
  goOn: (progress: Progress) => boolean = () => true,
): Promise<Found> {
  const pacer = new Pacer();
  const memory = new Uint8Array(searching.windowSize);
  let givenUp = false;
  while (!givenUp && searching.window(memory) !== undefined) {
    givenUp = searching.isFutile || !goOn(searching.progress);
    await pacer.pause();
  }
  searching.end();
  return { places: searching.places(), givenUp };
}

/** A search through a window that is moved along the old version. */
export class Search {
  readonly #old: Old;
  readonly #blocks: Blocks;
  readonly #scan: Scan;
  readonly #length: number;
  readonly #places: Float64Array;
  #buffer: Uint8Array = new Uint8Array(0);
  /** Where the window begins in the old version, and how much it holds. */
  #position: number;
  #filled = 0;
  #runs: Run[] = [];
  /** The block that should come next, and whether the scan is under way because none did. */
  #expected: number;
  #scanning = false;
  #found: number;
  /** Up to where something was found. */
  #foundUpTo: number;
  #ms = 0;

  constructor(
    old: Old,
    blocks: Blocks,
    { position, block }: Beginning = { position: 0, block: 0 },
  ) {
    this.#old = old;
    this.#blocks = blocks;
    this.#scan = new Scan(blocks);
    this.#length = blocks.signature.blockSize;
    this.#places = new Float64Array(blocks.count).fill(-1);
    for (let before = 0; before < block; before++) {
      this.#places[before] = before * this.#length;
    }
    this.#position = position;
    this.#expected = block;
    this.#found = block * this.#length;
    this.#foundUpTo = position;
  }

  /** Bytes of memory that {@link window} needs. */
  get windowSize(): number {
    return windowSizeOf(this.#length, this.#old.size);
  }

  get progress(): Progress {
    const searched = this.#position + this.#scan.at;
    const barren = searched - this.#foundUpTo;
    return { searched, found: this.#found, barren, ms: this.#ms };
  }

  /** True if it costs more than it can bring: contents and signature are made for each other. */
  get isFutile(): boolean {
    return this.#scan.wrong > mostWrong * this.#old.size + 64 * this.#length;
  }

  /**
   * Reads the next part of the old version into `memory`, which may be that of an
   * earlier one, and searches it; `undefined` at the end.
   */
  window(memory: Uint8Array): Window | undefined {
    const began = performance.now();
    try {
      if (!this.#moveOn(memory)) return undefined;
      const end = this.#filled - this.#length;
      while (this.#scan.at <= end && !this.isFutile) {
        if (!this.#follow(end) && !this.#seek(end)) break;
      }
      const bytes = memory.subarray(0, this.#filled);
      return { position: this.#position, bytes, runs: this.#runs };
    } finally {
      this.#ms += performance.now() - began;
    }
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

  /** Where a block lies, as far as is known; -1: nowhere. */
  placeOf(block: number): number {
    const place = this.#places[block]!;
    return place === -1 ? this.#places[this.#blocks.same(block)]! : place;
  }

  /** Where each block lies. */
  places(): Float64Array {
    return this.#places.map((_, block) => this.placeOf(block));
  }

  /** Moves the window on to what has not been searched; returns false if there is nothing. */
  #moveOn(memory: Uint8Array): boolean {
    const { at } = this.#scan;
    const kept = this.#filled - at;
    if (memory === this.#buffer) memory.copyWithin(0, at, this.#filled);
    else memory.set(this.#buffer.subarray(at, this.#filled));
    this.#buffer = memory;
    this.#position += at;
    this.#scan.at = 0;
    this.#runs = [];
    const next = this.#position + kept;
    const read = this.#old.read(next, memory.subarray(kept));
    this.#filled = kept + read;
    return read > 0;
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
    const position = this.#position + at;
    this.#scanning = false;
    this.#scan.at = at + this.#length;
    this.#expected = block + 1;
    this.#found += this.#length;
    this.#foundUpTo = position + this.#length;
    if (this.#places[block] === -1) this.#places[block] = position;
    const run = { block, count: 1, position };
    const last = this.#runs.at(-1);
    if (last !== undefined && follows(run, last, this.#length)) {
      this.#runs[this.#runs.length - 1] = { ...last, count: last.count + 1 };
    } else this.#runs.push(run);
  }

  /** Tells whether the old version goes on behind the window. */
  #isMore(): boolean {
    return this.#position + this.#filled < this.#old.size;
  }
}

/** Returns how much of an old version is in memory at a time. */
export function windowSizeOf(blockSize: number, oldSize: number): number {
  return Math.min(oldSize, Math.max(windowBytes, windowBlocks * blockSize));
}

/** Tells whether a run goes on where the one before it ends, in both versions. */
export function follows(
  { block, position }: Run,
  before: Run,
  blockSize: number,
): boolean {
  return before.block + before.count === block &&
    before.position + before.count * blockSize === position;
}
