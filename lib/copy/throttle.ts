/**
 * The limit of `copy.bandwidth`: a token bucket.
 *
 * @module
 */

import { delay } from "@std/async/delay";

/** Seconds of the limit that may be saved up while nothing is asked for. */
const burstSeconds = 0.25;

/** Lets so many bytes a second through, in the order in which they are asked for. */
export class Throttle {
  readonly #bytesPerMs: number;
  readonly #burst: number;
  #tokens: number;
  #filledAt = performance.now();
  #last: Promise<void> = Promise.resolve();

  /** @param bytesPerSecond 0: no limit. */
  constructor(bytesPerSecond: number) {
    this.#bytesPerMs = bytesPerSecond === 0 ? Infinity : bytesPerSecond / 1_000;
    this.#burst = bytesPerSecond * burstSeconds;
    this.#tokens = this.#burst;
  }

  /** Returns when `bytes` more may be asked for. */
  pass(bytes: number): Promise<void> {
    if (this.#bytesPerMs === Infinity) return Promise.resolve();
    this.#last = this.#last.then(() => this.#spend(bytes));
    return this.#last;
  }

  /** A debt is waited for; more than the bucket holds may be asked for, and is paid off by the next. */
  async #spend(bytes: number): Promise<void> {
    this.#fill();
    if (this.#tokens < 0) {
      await delay(-this.#tokens / this.#bytesPerMs);
      this.#fill();
    }
    this.#tokens -= bytes;
  }

  #fill(): void {
    const now = performance.now();
    const gained = (now - this.#filledAt) * this.#bytesPerMs;
    this.#tokens = Math.min(this.#burst, this.#tokens + gained);
    this.#filledAt = now;
  }
}
