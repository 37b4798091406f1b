/**
 * Taking away what was begun and is wanted no more.
 *
 * @module
 */

import type { Ledger } from "./tools.ts";
import type { Staging } from "../files/staging.ts";

/** Entries asked from the ledger at a time. */
const page = 1_000;

/** Removes every staged file that is of no version that a ledger wants; returns how many there were. */
export async function tidy(
  staging: Staging,
  ...ledgers: readonly Pick<Ledger, "wanted">[]
): Promise<number> {
  if (staging.isEmpty) return 0;
  for (const ledger of ledgers) {
    for (let entries = await ledger.wanted(null, page); entries.length > 0;) {
      staging.keep(entries);
      entries = await ledger.wanted(entries.at(-1)!, page);
    }
  }
  return staging.tidy();
}
