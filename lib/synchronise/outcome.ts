/**
 * What reading a list, or walking a tree, has come to.
 *
 * @module
 */

import type { Cursor } from "../protocol.ts";
import { type Refusal, refusalsKept, refusalsTold } from "../state/refusals.ts";
import type { Taken } from "../state/synchronised-list.ts";

/** What reading came to, for the report and the log. */
export interface Outcome {
  seen: number;
  new: number;
  skipped: number;
  /** The first few refusals, each with its line. */
  readonly refused: string[];
  refusedCount: number;
  /** Refusals that the state does not know of yet. */
  readonly unsaved: Refusal[];
  /** Numbers of lines that a list has lost. */
  gaps: number;
  /** Bytes of the list that were read. */
  bytes: number;
  /** Where reading will go on; `null` for a tree. */
  cursor: Cursor | null;
}

export function emptyOutcome(): Outcome {
  return {
    seen: 0,
    new: 0,
    skipped: 0,
    refused: [],
    refusedCount: 0,
    unsaved: [],
    gaps: 0,
    bytes: 0,
    cursor: null,
  };
}

/** Counts a refusal, and keeps the first few. */
export function refuse(outcome: Outcome, refusal: Refusal): void {
  const { refused, unsaved } = outcome;
  outcome.refusedCount++;
  if (refused.length < refusalsTold) refused.push(refusal.reason);
  if (unsaved.length < refusalsKept) unsaved.push(refusal);
}

/** Adds up what taking some entries in came to. */
export function add(outcome: Outcome, taken: Taken): void {
  outcome.seen += taken.seen;
  outcome.new += taken.new;
  outcome.skipped += taken.skipped;
}
