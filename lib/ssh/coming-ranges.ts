/**
 * Ranges of a file to be read, which may become known one after the other: while
 * the first ones arrive, others are still looked for.
 *
 * @module
 */

/** A part of a file, from `start` up to but not including `end`. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** Ranges in the order in which they are to be read. */
export class ComingRanges {
  readonly #ranges: Range[];
  /** The first one of which not all is taken, and from where on. */
  #index = 0;
  #at = 0;
  #hasEnded = false;
  #listen: () => void = () => {};
  #change = Promise.withResolvers<void>();

  constructor(ranges: Iterable<Range> = []) {
    this.#ranges = [...ranges];
  }

  /** Makes those that are known from the start, and no others. */
  static all(ranges: Iterable<Range>): ComingRanges {
    const coming = new ComingRanges(ranges);
    coming.end();
    return coming;
  }

  /** Adds one. */
  push(range: Range): void {
    this.#ranges.push(range);
    this.#changed();
  }

  /** No more will be added. */
  end(): void {
    this.#hasEnded = true;
    this.#changed();
  }

  /** Takes the next part of a range, `longest` bytes at most; `undefined` if none is known. */
  take(longest: number): Range | undefined {
    let range = this.#ranges[this.#index];
    while (
      range !== undefined && Math.max(range.start, this.#at) >= range.end
    ) {
      this.#at = 0;
      range = this.#ranges[++this.#index];
    }
    if (range === undefined) {
      this.#ranges.length = 0;
      this.#index = 0;
      return undefined;
    }
    const start = Math.max(range.start, this.#at);
    this.#at = Math.min(range.end, start + longest);
    return { start, end: this.#at };
  }

  /** Has `listener` called when a range becomes known; there is one listener. */
  onPush(listener: () => void): void {
    this.#listen = listener;
  }

  /** Waits until there may be more to take; returns false if there will be nothing more. */
  async more(): Promise<boolean> {
    if (this.#hasEnded) return false;
    await this.#change.promise;
    return true;
  }

  #changed(): void {
    this.#listen();
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }
}
