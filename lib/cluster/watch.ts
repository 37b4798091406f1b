/**
 * The time between two passes of a node: it looks for work that need not wait until the
 * next one is due, and now and then at all nodes and the whole list.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import type { Database } from "./database.ts";
import { unlessLost } from "./drive.ts";
import type { Leadership } from "./leadership.ts";
import { survey } from "./statements.ts";

/** Looks for work in each lease. */
const looks = 5;

/** How a node watches. */
export interface WatchOptions {
  /** Looks at all nodes and the whole list. */
  look(): Promise<unknown>;
  /** Hears that there is work. */
  onWork(): void;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** Watches until `signal` ends it; tells of each pass that others opened, and of a term, once. */
export async function watch(
  database: Database,
  leadership: Leadership,
  { look, onWork, signal }: WatchOptions,
): Promise<void> {
  let told = { pass: 0, term: leadership.held };
  const { leaseMs } = database.config;
  const pause = () => delay(leaseMs / looks, { signal });
  for (let count = 1; await pause().then(() => true, () => false); count++) {
    if (count % looks === 0) await unlessLost(look());
    const found = await unlessLost(survey(database));
    if (found === undefined) continue;
    const { held } = leadership;
    const { pass, isAnythingFree } = found;
    const isNewLeader = held !== undefined && held !== told.term;
    const isNewWork = isAnythingFree && pass !== told.pass;
    if (!isNewLeader && !isNewWork) continue;
    told = { pass, term: held };
    onWork();
  }
}
