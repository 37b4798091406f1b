/**
 * Taking away what was begun and is wanted no more.
 *
 * @module
 */

import type { Staging } from "../files/staging.ts";
import type { Wanted } from "../files/wanted.ts";
import { pagesOf } from "../worker/pages.ts";
import type { Ledger } from "./tools.ts";

/** Entries asked from the ledger at a time. */
const page = 1_000;

/** Removes every staged file that is of no version that a ledger wants; returns how many there were. */
export async function tidy(
  staging: Staging,
  ...ledgers: readonly Pick<Ledger, "wanted">[]
): Promise<number> {
  if (staging.isEmpty) return 0;
  for (const ledger of ledgers) {
    const pages = pagesOf<Wanted>((last) => ledger.wanted(last ?? null, page));
    for await (const entries of pages) staging.keep(entries);
  }
  return staging.tidy();
}
