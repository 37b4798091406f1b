/**
 * The history of passes.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import type { PassReport } from "../protocol.ts";
import { prepared } from "./prepared.ts";

/** One pass of the history. */
export interface PastPass {
  /** Seconds since the epoch. */
  readonly started: number;
  readonly report: PassReport;
}

/** Failed files that a row names; how many there were is in the figures. */
const failuresKept = 100;

export function recordPass(
  db: DatabaseSync,
  started: number,
  report: PassReport,
): void {
  const kept = { ...report, failed: report.failed.slice(0, failuresKept) };
  prepared(db, "INSERT OR REPLACE INTO pass VALUES (?, ?)")
    .run(started, JSON.stringify(kept));
}

/** Returns the last passes, the youngest first. */
export function lastPasses(db: DatabaseSync, limit: number): PastPass[] {
  const rows = prepared(
    db,
    "SELECT started, report FROM pass ORDER BY started DESC LIMIT ?",
  ).all(limit) as { started: number; report: string }[];
  return rows.map(({ started, report }) => ({
    started,
    report: JSON.parse(report),
  }));
}
