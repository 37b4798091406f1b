/**
 * The files that a list names: what a publisher must know of each to tell whether
 * it has changed, and where its line stands. A million of them take some 150 MB.
 *
 * @module
 */

import { type Timestamp, toWholeMilliseconds } from "../text/timestamp.ts";

/** Where a line stands in the list, and what a look at its source may tell. */
export interface Line {
  readonly size: number;
  readonly mtime: Timestamp;
  /** Its first byte in the list. */
  readonly place: number;
}

const firstRoom = 1_024;

/** Files by path, in the order of their lines. */
export class Live {
  readonly #slots = new Map<string, number>();
  /** Slots of files that are gone, to be used again. */
  readonly #free: number[] = [];
  #used = 0;
  #sizes = new Float64Array(firstRoom);
  /** In milliseconds; `NaN`: no file can have this date here. */
  #dates = new Float64Array(firstRoom);
  #places = new Float64Array(firstRoom);
  #marks = new Uint8Array(firstRoom);

  get size(): number {
    return this.#slots.size;
  }

  has(path: string): boolean {
    return this.#slots.has(path);
  }

  paths(): Iterable<string> {
    return this.#slots.keys();
  }

  /** Whether the list names a file of this size and date, in milliseconds. */
  names(path: string, size: number, modified: number): boolean {
    const slot = this.#slots.get(path);
    return slot !== undefined && this.#sizes[slot] === size &&
      this.#dates[slot] === modified;
  }

  /** Where the line of a file stands. */
  placeOf(path: string): number | undefined {
    const slot = this.#slots.get(path);
    return slot === undefined ? undefined : this.#places[slot];
  }

  /** Yields the paths of files of at least so many bytes. */
  *ofAtLeast(bytes: number): Generator<string> {
    for (const [path, slot] of this.#slots) {
      if (this.#sizes[slot]! >= bytes) yield path;
    }
  }

  /** Takes in a line. What is set again goes to the end: the order is that of the lines. */
  set(path: string, { size, mtime, place }: Line): void {
    const mark = this.isMarked(path) ? 1 : 0;
    this.delete(path);
    const slot = this.#free.pop() ?? this.#used++;
    if (slot === this.#sizes.length) this.#grow();
    this.#slots.set(path, slot);
    this.#sizes[slot] = size;
    this.#dates[slot] = toWholeMilliseconds(mtime);
    this.#places[slot] = place;
    this.#marks[slot] = mark;
  }

  /** Tells where the lines stand now, in their order. */
  move(places: Float64Array): void {
    let number = 0;
    for (const slot of this.#slots.values()) {
      this.#places[slot] = places[number++]!;
    }
  }

  delete(path: string): void {
    const slot = this.#slots.get(path);
    if (slot === undefined) return;
    this.#slots.delete(path);
    this.#free.push(slot);
    this.#marks[slot] = 0;
  }

  /** Marks a file; returns false if there is none. */
  mark(path: string): boolean {
    const slot = this.#slots.get(path);
    if (slot === undefined) return false;
    this.#marks[slot] = 1;
    return true;
  }

  isMarked(path: string): boolean {
    const slot = this.#slots.get(path);
    return slot !== undefined && this.#marks[slot] === 1;
  }

  /** Marks none any more. */
  unmark(): void {
    this.#marks.fill(0);
  }

  /** Yields the paths of files that are not marked. */
  *unmarked(): Generator<string> {
    for (const [path, slot] of this.#slots) {
      if (this.#marks[slot] === 0) yield path;
    }
  }

  #grow(): void {
    const room = this.#sizes.length * 2;
    this.#sizes = enlarged(this.#sizes, room);
    this.#dates = enlarged(this.#dates, room);
    this.#places = enlarged(this.#places, room);
    const marks = new Uint8Array(room);
    marks.set(this.#marks);
    this.#marks = marks;
  }
}

function enlarged(
  numbers: Float64Array<ArrayBuffer>,
  room: number,
): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(room);
  larger.set(numbers);
  return larger;
}
