/**
 * The files that a list names: what a publisher must know of each to tell whether
 * it has changed, and where its line stands. A million of them take some 100 MB:
 * their paths are bytes, one after the other, and found by a hash of them.
 *
 * @module
 */

import { type Timestamp, toWholeMilliseconds } from "../text/timestamp.ts";

/** Offset of a line in the list, with size and date to compare with the source. */
export interface Line {
  readonly size: number;
  readonly mtime: Timestamp;
  /** Its first byte in the list. */
  readonly place: number;
}

const firstRoom = 1_024;
/** Of the paths; most are shorter. */
const firstBytes = firstRoom * 64;

/** No list names a longer path. */
const longestPath = 4_096;

/** The place of a file that is gone: its slot waits for the file to come back. */
const nowhere = -1;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Odd, and unknown to those who name files: names of the same hash cost time. */
const factor = crypto.getRandomValues(new Uint32Array(1))[0]! | 1;

/** Files by path. */
export class Live {
  #size = 0;
  /** Slots that have a path. */
  #used = 0;
  #paths = new Uint8Array(firstBytes);
  /** Start of the path of each slot; it ends where the next one starts. */
  #starts = new Float64Array(firstRoom + 1);
  #hashes = new Int32Array(firstRoom);
  /** Slots, plus one, at the place that their hash gives or behind it; 0: none. */
  #table = new Int32Array(firstRoom * 2);
  #sizes = new Float64Array(firstRoom);
  /** In milliseconds; `NaN`: no file can have this date here. */
  #dates = new Float64Array(firstRoom);
  #places = new Float64Array(firstRoom);
  #marks = new Uint8Array(firstRoom);
  /** The path that was last looked for. */
  readonly #path = new Uint8Array(longestPath);
  #length = 0;
  #hash = 0;

  get size(): number {
    return this.#size;
  }

  has(path: string): boolean {
    return this.#find(path) !== undefined;
  }

  /** Yields the paths, in the order of their lines. */
  paths(): Generator<string> {
    return this.#those(() => true);
  }

  /** Tells whether the list names a file of this size and date, in milliseconds. */
  names(path: string, size: number, modified: number): boolean {
    const slot = this.#find(path);
    return slot !== undefined && this.#sizes[slot] === size &&
      this.#dates[slot] === modified;
  }

  /** Returns the offset of the line of a file. */
  placeOf(path: string): number | undefined {
    const slot = this.#find(path);
    return slot === undefined ? undefined : this.#places[slot];
  }

  /** Yields the paths of files of at least so many bytes. */
  ofAtLeast(bytes: number): Generator<string> {
    return this.#those((slot) => this.#sizes[slot]! >= bytes);
  }

  /** Takes in a line, which stands behind all those taken in before. */
  set(path: string, { size, mtime, place }: Line): void {
    const slot = this.#slotOf(path) ?? this.#add();
    if (this.#places[slot] === nowhere) this.#size++;
    this.#sizes[slot] = size;
    this.#dates[slot] = toWholeMilliseconds(mtime);
    this.#places[slot] = place;
  }

  /** Tells where the lines stand now, in their order. */
  move(places: Float64Array): void {
    const slots = this.#inOrder(() => true);
    slots.forEach((slot, index) => this.#places[slot] = places[index]!);
  }

  delete(path: string): void {
    const slot = this.#find(path);
    if (slot === undefined) return;
    this.#places[slot] = nowhere;
    this.#marks[slot] = 0;
    this.#size--;
  }

  /** Marks a file; returns false if there is none. */
  mark(path: string): boolean {
    const slot = this.#find(path);
    if (slot === undefined) return false;
    this.#marks[slot] = 1;
    return true;
  }

  isMarked(path: string): boolean {
    const slot = this.#find(path);
    return slot !== undefined && this.#marks[slot] === 1;
  }

  /** Marks none any more. */
  unmark(): void {
    this.#marks.fill(0);
  }

  /** Yields the paths of files that are not marked, in the order of their lines. */
  unmarked(): Generator<string> {
    return this.#those((slot) => this.#marks[slot] === 0);
  }

  *#those(wanted: (slot: number) => boolean): Generator<string> {
    for (const slot of this.#inOrder(wanted)) yield this.#pathAt(slot);
  }

  /** Returns slots of files that are there. */
  #slots(wanted: (slot: number) => boolean): Uint32Array {
    const slots = new Uint32Array(this.#size);
    let count = 0;
    for (let slot = 0; slot < this.#used; slot++) {
      if (this.#places[slot] === nowhere || !wanted(slot)) continue;
      slots[count++] = slot;
    }
    return slots.subarray(0, count);
  }

  /** Returns slots in the order of their lines, which for most lists they are in. */
  #inOrder(wanted: (slot: number) => boolean): Uint32Array {
    const slots = this.#slots(wanted);
    const places = this.#places;
    const isSorted = slots.every((slot, index) =>
      index === 0 || places[slots[index - 1]!]! < places[slot]!
    );
    return isSorted ? slots : slots.sort((a, b) => places[a]! - places[b]!);
  }

  #pathAt(slot: number): string {
    return decoder.decode(
      this.#paths.subarray(this.#starts[slot], this.#starts[slot + 1]),
    );
  }

  #find(path: string): number | undefined {
    const slot = this.#slotOf(path);
    return slot === undefined || this.#places[slot] === nowhere
      ? undefined
      : slot;
  }

  /** Returns the slot of a path, whether its file is there or gone. */
  #slotOf(path: string): number | undefined {
    if (!this.#read(path)) return undefined;
    const mask = this.#table.length - 1;
    for (let at = this.#hash & mask;; at = (at + 1) & mask) {
      const slot = this.#table[at]! - 1;
      if (slot === -1) return undefined;
      if (this.#hashes[slot] === this.#hash && this.#isAt(slot)) return slot;
    }
  }

  /** Makes bytes and a hash of a path; returns false if it is too long for a list. */
  #read(path: string): boolean {
    if (path.length > longestPath) return false;
    let hash = 0;
    let length = 0;
    for (; length < path.length; length++) {
      const unit = path.charCodeAt(length);
      if (unit > 127) return this.#readText(path);
      this.#path[length] = unit;
      hash = step(hash, unit);
    }
    this.#hash = hash;
    this.#length = length;
    return true;
  }

  #readText(path: string): boolean {
    const { read, written } = encoder.encodeInto(path, this.#path);
    let hash = 0;
    for (let at = 0; at < written; at++) hash = step(hash, this.#path[at]!);
    this.#hash = hash;
    this.#length = written;
    return read === path.length;
  }

  /** Tells whether a slot has the path that was last read. */
  #isAt(slot: number): boolean {
    const start = this.#starts[slot]!;
    if (this.#starts[slot + 1]! - start !== this.#length) return false;
    for (let at = 0; at < this.#length; at++) {
      if (this.#paths[start + at] !== this.#path[at]) return false;
    }
    return true;
  }

  /** Makes a slot for the path that was last read. */
  #add(): number {
    if (this.#used === this.#hashes.length) this.#makeRoom();
    const slot = this.#used++;
    const start = this.#starts[slot]!;
    const end = start + this.#length;
    if (end > this.#paths.length) {
      const larger = new Uint8Array(this.#paths.length * 2);
      larger.set(this.#paths);
      this.#paths = larger;
    }
    this.#paths.set(this.#path.subarray(0, this.#length), start);
    this.#starts[slot + 1] = end;
    this.#hashes[slot] = this.#hash;
    this.#places[slot] = nowhere;
    this.#enter(slot);
    return slot;
  }

  #enter(slot: number): void {
    const mask = this.#table.length - 1;
    let at = this.#hashes[slot]! & mask;
    while (this.#table[at] !== 0) at = (at + 1) & mask;
    this.#table[at] = slot + 1;
  }

  /** Makes room for more; what is gone is forgotten. */
  #makeRoom(): void {
    const kept = this.#slots(() => true);
    const room = this.#hashes.length * (kept.length * 2 > this.#used ? 2 : 1);
    const starts = new Float64Array(room + 1);
    kept.forEach((slot, index) => {
      const [start, end] = [this.#starts[slot]!, this.#starts[slot + 1]!];
      this.#paths.copyWithin(starts[index]!, start, end);
      starts[index + 1] = starts[index]! + end - start;
    });
    this.#starts = starts;
    this.#hashes = picked(this.#hashes, kept, new Int32Array(room));
    this.#sizes = picked(this.#sizes, kept, new Float64Array(room));
    this.#dates = picked(this.#dates, kept, new Float64Array(room));
    this.#places = picked(this.#places, kept, new Float64Array(room));
    this.#marks = picked(this.#marks, kept, new Uint8Array(room));
    this.#used = kept.length;
    this.#table = new Int32Array(room * 2);
    for (let slot = 0; slot < this.#used; slot++) this.#enter(slot);
  }
}

/** Takes one more byte into a hash. */
function step(hash: number, byte: number): number {
  const mixed = Math.imul(hash ^ byte, factor);
  return mixed ^ (mixed >>> 15);
}

/** Fills the beginning of `to` with what these slots have in `from`. */
function picked<Column extends Uint8Array | Int32Array | Float64Array>(
  from: Column,
  slots: Uint32Array,
  to: Column,
): Column {
  slots.forEach((slot, index) => to[index] = from[slot]!);
  return to;
}
