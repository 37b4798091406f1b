/**
 * A bound on how many requests are in flight.
 *
 * @module
 */

/** Slots that are taken before a request and given back after it, first come, first served. */
export class Slots {
  readonly total: number;
  #free: number;
  readonly #queue: { slots: number; go: () => void }[] = [];

  constructor(total: number) {
    this.total = total;
    this.#free = total;
  }

  /** Waits until `slots` are free, and takes them; at most {@link total} at a time. */
  async take(slots: number): Promise<void> {
    if (this.#queue.length === 0 && slots <= this.#free) {
      this.#free -= slots;
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#queue.push({ slots, go: resolve });
    await promise;
  }

  give(slots: number): void {
    this.#free += slots;
    while (this.#queue.length > 0 && this.#queue[0]!.slots <= this.#free) {
      const { slots, go } = this.#queue.shift()!;
      this.#free -= slots;
      go();
    }
  }
}
