/**
 * Making a new version while its old one is searched, so that the old one is read
 * once: what has been searched is still in memory when it is known where it
 * belongs.
 *
 * @module
 */

import type { Frontier } from "../delta/frontier.ts";
import type { Stretch } from "../delta/recipe.ts";
import type { Progress, Search, Window } from "../delta/search.ts";
import { ComingRanges } from "../ssh/coming-ranges.ts";
import { Pacer } from "../worker/pacer.ts";
import {
  ahead,
  type FetchRanges,
  type NamedOld,
  type Piece,
  readOld,
} from "./rebuild.ts";

/**
 * Windows of the old version that are kept while what belongs before them is on its
 * way from the server. When all are, the search waits.
 */
const mostWindows = 8;

/** Returns the bytes of memory that making a new version along a search takes, whose window is so large. */
export function memoryAlong(windowSize: number): number {
  return mostWindows * windowSize;
}

/** What is made along a search, and how. */
export interface AlongOptions {
  readonly old: NamedOld;
  readonly search: Search;
  readonly frontier: Frontier;
  /** Where the new version goes on. */
  readonly start: number;
  readonly fetchRanges: FetchRanges;
  /** Is asked after each window, and may end the search. */
  goOn(progress: Progress): boolean;
}

type OldStretch = Stretch & { readonly old: number };

/** What is to be done for the next part of the new version. */
type Step =
  | { readonly bytes: Uint8Array }
  /** No longer in memory. */
  | { readonly stretch: OldStretch }
  /** So many bytes, which have been asked for. */
  | { readonly fetched: number }
  /** A window of which all is done. */
  | { readonly memory: Uint8Array };

/** A new version in the making. */
export class Along {
  readonly #options: AlongOptions;
  readonly #steps: Step[] = [];
  readonly #free: Uint8Array[] = [];
  #windows = 0;
  /** True once the search has ended, or cannot tell any more what comes next. */
  #isOver = false;
  readonly #ranges = new ComingRanges();
  readonly #fetched: AsyncGenerator<Uint8Array>;
  /** The next piece from the server. */
  #next: Promise<IteratorResult<Uint8Array, undefined>> | undefined;
  #hasCome = false;
  /** Bytes that are asked for, and have not been taken. */
  #asked = 0;
  #isCut = false;
  readonly #pacer = new Pacer();

  constructor(options: AlongOptions) {
    this.#options = options;
    this.#fetched = options.fetchRanges(this.#ranges);
  }

  /** True if the file on the server was found to be shorter than it should be. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /**
   * Yields the new version, in order, as far as the search goes and can tell. The
   * bytes of a piece are overwritten by the next one.
   *
   * @throws {FileError} If the server does not give the file, or the old version has become shorter.
   */
  async *pieces(): AsyncGenerator<Piece> {
    try {
      while (!this.#isCut) {
        const step = this.#steps.shift();
        if (step !== undefined) yield* this.#take(step);
        else if (!await this.#searchOn()) return;
      }
    } finally {
      this.#ranges.end();
      await this.#fetched.return(undefined);
    }
  }

  async *#take(step: Step): AsyncGenerator<Piece> {
    if ("memory" in step) this.#free.push(step.memory);
    else if ("bytes" in step) yield { bytes: step.bytes, fromOld: true };
    else if ("fetched" in step) yield* this.#takeFetched(step.fetched);
    else {
      const { old: at, start, end } = step.stretch;
      const range = { start: at, end: at + end - start };
      for await (const bytes of readOld(this.#options.old, range)) {
        yield { bytes, fromOld: true };
      }
    }
  }

  async *#takeFetched(bytes: number): AsyncGenerator<Piece> {
    for (let left = bytes; left > 0;) {
      // The server need not wait for us, nor we for the server.
      while (!this.#hasCome && this.#hasRoom && await this.#searchOn());
      const { done, value: piece } = await this.#next!;
      if (done) {
        this.#isCut = true;
        return;
      }
      left -= piece.length;
      yield { bytes: piece, fromOld: false };
      this.#asked -= piece.length;
      this.#next = undefined;
      this.#expect();
    }
  }

  get #hasRoom(): boolean {
    return this.#free.length > 0 || this.#windows < mostWindows;
  }

  /** Searches the next window; returns false if there is none, or it tells nothing more. */
  async #searchOn(): Promise<boolean> {
    if (this.#isOver) return false;
    const { search, frontier, goOn } = this.#options;
    const memory = this.#free.pop() ?? this.#newWindow();
    const window = search.window(memory);
    this.#isOver = window === undefined || search.isFutile ||
      !goOn(search.progress);
    if (window !== undefined) {
      for (const stretch of frontier.settle(window.runs)) {
        this.#add(stretch, window);
      }
      this.#isOver ||= frontier.isStuck;
    }
    this.#steps.push({ memory });
    // What has been asked for may just have come.
    if (this.#asked > 0) await new Promise((turn) => setImmediate(turn));
    else await this.#pacer.pause();
    return true;
  }

  #newWindow(): Uint8Array {
    this.#windows++;
    return new Uint8Array(this.#options.search.windowSize);
  }

  /** Adds what is to be done for a stretch; what was made before is left out. */
  #add({ start, end, old }: Stretch, window: Window): void {
    const from = Math.max(start, this.#options.start);
    if (from >= end) return;
    if (old === null) {
      this.#ranges.push({ start: from, end });
      this.#steps.push({ fetched: end - from });
      this.#asked += end - from;
      this.#expect();
      return;
    }
    this.#addOld({ start: from, end, old: old + from - start }, window);
  }

  /** Adds a stretch of the old version, of which some may lie before the window. */
  #addOld({ start, end, old }: OldStretch, { position, bytes }: Window): void {
    const before = Math.min(end - start, Math.max(0, position - old));
    const inside = Math.min(end - start, position + bytes.length - old);
    if (before > 0) {
      this.#steps.push({ stretch: { start, end: start + before, old } });
    }
    if (inside > before) {
      const first = old + before - position;
      const window = bytes.subarray(first, first + inside - before);
      this.#steps.push({ bytes: window });
    }
  }

  /** Awaits the next piece from the server, if any is to come. */
  #expect(): void {
    if (this.#next !== undefined || this.#asked === 0) return;
    this.#hasCome = false;
    this.#next = ahead(this.#fetched);
    const come = () => this.#hasCome = true;
    this.#next.then(come, come);
  }
}
