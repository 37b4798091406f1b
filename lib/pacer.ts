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
  #turned = performance.now();

  /** Returns at once, or if the event loop has stood still for long, after it has turned. */
  async pause(): Promise<void> {
    if (performance.now() - this.#turned < standstillMs) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#turned = performance.now();
  }
}
