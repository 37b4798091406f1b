/**
 * Reading the copies again, to see whether they are still what arrived.
 *
 * @module
 */

import type { Destination } from "../files/destination.ts";
import type { Throttle } from "../files/throttle.ts";
import { examine, type Finding } from "./examine.ts";
import type { Copies, Copy, Verifications } from "./ledger.ts";

/** What is verified. */
export interface Scope {
  readonly matches: (path: string) => boolean;
  /** Files at most: those that were verified longest ago. */
  readonly most: number;
}

/** One file that was looked at. */
export interface Verified {
  readonly copy: Copy;
  readonly finding: Finding | undefined;
}

/** A pass may replace a file while it is read: it is read again, so many times. */
const attempts = 3;

/** Yields each file once it has been read again, those verified longest ago first. */
export async function* verify(
  ledger: Verifications,
  destination: Destination,
  throttle: Throttle,
  { matches, most }: Scope,
): AsyncGenerator<Verified> {
  const started = Date.now() / 1_000;
  let left = most;
  for await (const page of ledger.byAge(started)) {
    const looked: string[] = [];
    for (const copy of page.filter(({ path }) => matches(path))) {
      if (left-- <= 0) break;
      const verified = await examineAgain(
        copy,
        ledger,
        destination,
        throttle,
      );
      looked.push(copy.path);
      if (verified !== undefined) yield verified;
    }
    ledger.verified(looked, Date.now() / 1_000);
    destination.release();
    if (left <= 0) return;
  }
}

/**
 * Examines a file, again if it was replaced meanwhile; `known` says what should be
 * there now. Returns what was found; `undefined` if the file need not be
 * there any more.
 */
export async function examineAgain(
  copy: Copy,
  known: Pick<Copies, "copy">,
  destination: Destination,
  throttle: Throttle,
): Promise<Verified | undefined> {
  for (let attempt = 1;; attempt++) {
    const finding = await examine(copy, destination, throttle);
    if (finding === undefined) return { copy, finding };
    const now = await known.copy(copy.path);
    if (now === undefined) return undefined;
    if (isSame(now, copy) || attempt === attempts) return { copy, finding };
    copy = now;
    destination.release();
  }
}

function isSame(a: Copy, b: Copy): boolean {
  return a.size === b.size && a.mtime === b.mtime && a.digest === b.digest;
}
