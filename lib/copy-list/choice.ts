/**
 * The choice of what a copy run fetches, and in which order: what never failed
 * first, what failed in this run again, what failed in an earlier one last.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import type { Wanted } from "../files/wanted.ts";
import type { Assembly } from "./assembly.ts";
import type { Ledger } from "./tools.ts";

/** Entries asked from the ledger at a time. */
const page = 1_000;

/** Pause before the first retry; doubles up to the longest, with jitter. */
const firstPauseMs = 1_000;
const longestPauseMs = 60_000;

/** What a copy run leaves alone. */
export interface Exceptions {
  /** Paths that this pass has tried already. */
  readonly without: ReadonlySet<string>;
  /** All but these paths. @default nothing else */
  readonly only?: ReadonlySet<string> | undefined;
}

/** One attempt to get a file. */
export interface Attempt {
  readonly entry: Wanted;
  /** True if there will be no further one. */
  readonly last: boolean;
}

/** What is chosen from, and how often. */
export interface ChoiceOptions {
  readonly ledger: Ledger;
  /** Sets in the making, where files come in sets. */
  readonly assembly: Assembly | undefined;
  readonly retries: number;
  /** Ends a pause between attempts. */
  readonly signal: AbortSignal;
}

/** Chooses what is fetched. */
export class Choice {
  readonly #options: ChoiceOptions;
  readonly #exceptions: Exceptions;
  #again: Wanted[] = [];
  /** True if there are entries that failed before. */
  #isAnyPutOff = false;

  constructor(options: ChoiceOptions, exceptions: Exceptions) {
    this.#options = options;
    this.#exceptions = exceptions;
  }

  /** Yields sweeps of attempts; each is to be done with before the next one is asked for. */
  async *sweeps(): AsyncGenerator<AsyncIterable<Attempt> | Iterable<Attempt>> {
    const { retries, signal } = this.#options;
    yield this.#fresh();
    for (let retry = 0; retry < retries && this.#again.length > 0; retry++) {
      await delay(pause(retry), { signal });
      yield this.#retry(retry + 1 === retries);
    }
    yield* this.#putOff();
  }

  /** Has an entry tried again in a later sweep. */
  tryAgain(entry: Wanted): void {
    this.#again.push(entry);
  }

  /** Returns what was to be tried again, and no longer is. */
  giveUp(): readonly Wanted[] {
    const again = this.#again;
    this.#again = [];
    return again;
  }

  /** Entries that have never failed. */
  async *#fresh(): AsyncGenerator<Attempt> {
    const { assembly, retries } = this.#options;
    const last = retries === 0;
    if (assembly !== undefined) {
      for await (const entry of this.#meant(assembly.fresh())) {
        yield { entry, last };
      }
      return;
    }
    for await (const entry of this.#entries()) {
      if (entry.failedBefore) this.#isAnyPutOff = true;
      else yield { entry, last };
    }
  }

  *#retry(last: boolean): Generator<Attempt> {
    for (const entry of this.giveUp()) yield { entry, last };
  }

  /** What failed last time comes after all others, so that none waits for it. */
  *#putOff(): Generator<AsyncGenerator<Attempt>> {
    const { assembly } = this.#options;
    if (assembly === undefined) return yield this.#putOffFiles();
    for (const entries of ["failing", "others"] as const) {
      yield this.#lastAttempts(assembly[entries]());
    }
  }

  async *#lastAttempts(
    entries: AsyncGenerator<Wanted>,
  ): AsyncGenerator<Attempt> {
    for await (const entry of this.#meant(entries)) yield { entry, last: true };
  }

  async *#putOffFiles(): AsyncGenerator<Attempt> {
    if (!this.#isAnyPutOff) return;
    for await (const entry of this.#entries()) {
      if (entry.failedBefore) yield { entry, last: true };
    }
  }

  /** The files of sets; one that was tried already is known not to come. */
  async *#meant(entries: AsyncGenerator<Wanted>): AsyncGenerator<Wanted> {
    for await (const entry of entries) {
      if (this.#isMeant(entry)) yield entry;
      else this.#options.assembly?.fail(entry.path, null);
    }
  }

  async *#entries(): AsyncGenerator<Wanted> {
    const { ledger } = this.#options;
    for (let entries = await ledger.wanted(null, page); entries.length > 0;) {
      // The next page is on its way while this one is worked on.
      const next = ledger.wanted(entries.at(-1)!, page);
      next.catch(() => {});
      for (const entry of entries) {
        if (this.#isMeant(entry)) yield entry;
      }
      entries = await next;
    }
  }

  #isMeant({ path }: Wanted): boolean {
    const { without, only } = this.#exceptions;
    return !without.has(path) && (only?.has(path) ?? true);
  }
}

function pause(retry: number): number {
  const longest = Math.min(longestPauseMs, firstPauseMs * 2 ** retry);
  return longest * (0.5 + Math.random() / 2);
}
