/**
 * How fast something grows: the recent past counts more than what is long ago.
 *
 * An exponential moving average over time, divided by the weight it has
 * gathered so far, so that it is right from its beginning (D. P. Kingma and
 * J. Ba, "Adam", 2015, section 3, do the same to theirs).
 *
 * @module
 */

/** What happened so long ago counts 1/e as much as what happens now. */
const memoryMs = 5_000;

/** A rate, per second. */
export class Rate {
  #at: number;
  #value: number;
  #average = 0;
  #weight = 0;

  /** `at` is in milliseconds, of any clock that only goes forward. */
  constructor(at: number, value: number) {
    this.#at = at;
    this.#value = value;
  }

  /** Notes the value at a later time; returns the rate. */
  update(at: number, value: number): number {
    const elapsed = at - this.#at;
    if (elapsed > 0) {
      const fresh = 1 - Math.exp(-elapsed / memoryMs);
      const now = (value - this.#value) * 1_000 / elapsed;
      this.#average += fresh * (now - this.#average);
      this.#weight += fresh * (1 - this.#weight);
      this.#at = at;
      this.#value = value;
    }
    return this.#weight === 0 ? 0 : this.#average / this.#weight;
  }
}
