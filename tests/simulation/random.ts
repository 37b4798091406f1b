/**
 * Chance that can be repeated.
 *
 * @module
 */

/** Numbers that a seed decides; close seeds give unlike numbers (splitmix32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** Returns a number from 0 to 1. */
  next(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    let mixed = this.#state ^ (this.#state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  }

  /** Tells whether something happens that has this probability. */
  happens(probability: number): boolean {
    return this.next() < probability;
  }

  /** Returns a number between two others. */
  between(from: number, to: number): number {
    return from + this.next() * (to - from);
  }

  /** Returns a whole number below `limit`. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }
}
