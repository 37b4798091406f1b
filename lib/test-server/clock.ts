/**
 * The wall clock, as a process sees it that keeps a steady one beside it.
 *
 * @module
 */

/** A difference below this is how the clock is kept right, and not how it is set. */
const leastMs = 1_000;

/** Tells how the wall clock was set while this process ran. */
export class WallClock {
  #wall = Date.now();
  #steady = performance.now();

  /** Returns by how many milliseconds the clock was set since the last look; negative: back. */
  setBy(): number {
    const wall = Date.now();
    const steady = performance.now();
    const set = wall - this.#wall - (steady - this.#steady);
    this.#wall = wall;
    this.#steady = steady;
    return Math.abs(set) < leastMs ? 0 : Math.round(set);
  }
}
