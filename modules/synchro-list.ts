/**
 * synchro-list: the synchronised list of names and dates. Reads only what was
 * appended to a server's list, and knows what is wanted and what is here.
 *
 * @module
 */

import {
  keepIndexOf,
  openState,
  rehearseState,
} from "../lib/state/database.ts";
import { answersOn } from "../lib/synchro-list/answers.ts";
import type { SynchroListOperations } from "../lib/synchro-list/operations.ts";
import type { SynchroListContext } from "../lib/synchro-list/synchronise.ts";
import { runModule, type Running } from "../lib/worker/life.ts";

/**
 * Returns what synchro-list answers.
 *
 * @throws {LocalError} If the state cannot be opened.
 */
export function synchroList(
  context: SynchroListContext,
): Running<SynchroListOperations> {
  const { replica, dryRun, order } = context.settings;
  const db = dryRun ? rehearseState(replica.state) : openState(replica.state);
  if (!dryRun) keepIndexOf(db, order);
  return { handlers: answersOn(db, context), end: () => db.close() };
}

if (import.meta.main) runModule("synchro-list", synchroList);
