/**
 * Noticing that nothing arrives any more, long before a time limit says so.
 *
 * @module
 */

/** Nothing for so long is worth a look; each look in vain doubles it. */
const firstPatienceMs = 1_000;
const longestPatienceMs = 30_000;

/** How often it is seen whether something has arrived. */
const everyMs = 250;

/** Watches a figure that grows while all is well, until disposed of. */
export class StallWatch implements Disposable {
  readonly #figure: () => bigint;
  readonly #onStall: () => Promise<void>;
  readonly #timer: ReturnType<typeof setInterval>;
  #last: bigint;
  #since = performance.now();
  #patienceMs = firstPatienceMs;
  #looking = false;

  /** Calls `onStall`, which must not throw, when `figure` has stood still for a while, and again if it still does. */
  constructor(figure: () => bigint, onStall: () => Promise<void>) {
    this.#figure = figure;
    this.#onStall = onStall;
    this.#last = figure();
    this.#timer = setInterval(() => this.#look(), everyMs);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const now = performance.now();
    const figure = this.#figure();
    if (figure !== this.#last) {
      this.#last = figure;
      this.#since = now;
      this.#patienceMs = firstPatienceMs;
      return;
    }
    if (this.#looking || now - this.#since < this.#patienceMs) return;
    this.#looking = true;
    await this.#onStall();
    this.#looking = false;
    this.#since = performance.now();
    this.#patienceMs = Math.min(longestPatienceMs, this.#patienceMs * 2);
  }
}
