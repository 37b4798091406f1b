/**
 * Long work that waits for nothing, such as hashing a file of gigabytes, and an
 * event loop that must turn meanwhile: a module's heart beats in it.
 *
 * @module
 */

/** How long the event loop may stand still. */
const standstillMs = 100;

/** Lets the event loop turn now and then. */
export class Pacer {
  readonly #now: () => number;
  #turned: number;

  /** @param now A clock that never goes back, in milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#turned = now();
  }

  /** Returns at once, or if the event loop has stood still for long, after it has turned. */
  async pause(): Promise<void> {
    if (this.#now() - this.#turned < standstillMs) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#turned = this.#now();
  }
}
