/**
 * What reading a list, or walking a tree, has come to.
 *
 * @module
 */

import type { Cursor } from "../list/cursor.ts";
import { type Refusal, refusalsKept, refusalsTold } from "../state/refusals.ts";
import { noNotFiles, type NotFiles } from "../list/not-files.ts";
import { type PassedOver, passedOverKept } from "../state/passed-over.ts";
import type { Taken } from "../state/intake.ts";

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
  /** What lies in a tree and is no file: how many of each kind, and the first of them. */
  notFiles: NotFiles;
  readonly passedOver: PassedOver[];
  /** Those that were not there before. */
  appeared: readonly PassedOver[];
  /** Numbers of lines that a list has lost. */
  gaps: number;
  /** Bytes of the list that were read. */
  bytes: number;
  /** Where reading will go on; `null` for a tree. */
  cursor: Cursor | null;
}

/** Returns the outcome of a reading that has not begun. */
export function emptyOutcome(): Outcome {
  return {
    seen: 0,
    new: 0,
    skipped: 0,
    refused: [],
    refusedCount: 0,
    unsaved: [],
    notFiles: noNotFiles,
    passedOver: [],
    appeared: [],
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

/** Counts what is no file, and keeps the first few. */
export function passOver(outcome: Outcome, found: PassedOver): void {
  const { notFiles, passedOver } = outcome;
  outcome.notFiles = { ...notFiles, [found.kind]: notFiles[found.kind] + 1 };
  if (passedOver.length < passedOverKept) passedOver.push(found);
}

/** Adds up what taking some entries in came to. */
export function add(outcome: Outcome, taken: Taken): void {
  outcome.seen += taken.seen;
  outcome.new += taken.new;
  outcome.skipped += taken.skipped;
}
