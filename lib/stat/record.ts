/**
 * Recording a pass: in the figures and in the history, and what the administrator is
 * to be told of it.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import { lastPasses, recordPass } from "../state/history.ts";
import type { PassReport } from "../state/pass-report.ts";
import { toMilliseconds } from "../text/timestamp.ts";
import { passFigure } from "../worker/figures.ts";
import type { Section } from "../worker/stats-block.ts";
import { lagNow } from "./gauges.ts";
import { readTold, writeTold } from "./notice-memory.ts";
import {
  isError,
  type Judged,
  judgePass,
  type Notice,
  type NoticePolicy,
  type Told,
} from "./notices.ts";
import type { Recorded, StatOperations, StatSettings } from "./operations.ts";

/** A pass that has ended, and whether it was judged elsewhere. */
type EndedPass = StatOperations["record"]["request"];

/** Counts a pass, adds it to the history, and judges what is to be told of it. */
export function record(
  db: DatabaseSync,
  figures: Section<"stat">,
  { report, started, isJudged }: EndedPass,
  settings: StatSettings,
): Recorded {
  count(figures, report);
  const before = lastPasses(db, 1)[0]?.errors ?? [];
  // A pass that found no server knows no lag, and yet it grows.
  const lagging = { ...report, lag_seconds: Math.round(lagNow(db, settings)) };
  recordPass(db, toMilliseconds(started) / 1_000, lagging, settings.keepMs);
  const notices = judge(
    db,
    settings,
    (told, policy) =>
      judgePass(told, lagging, policy, Date.now(), {
        concerns: concernsOf(told, { isJudged, isShared: settings.isShared }),
      }),
  );
  return { before, notices };
}

function count(figures: Section<"stat">, { exit, seconds }: PassReport): void {
  figures.together({
    [passFigure(exit)]: 1,
    last_exit: exit,
    last_duration: Math.round(seconds * 1_000),
    ...(exit === 0 ? { last_success: Date.now() } : {}),
  });
}

/** A node that cannot ask the others speaks of its own failures; when it can again, it goes on until they are over. */
function concernsOf(
  told: Told,
  { isJudged, isShared }: {
    readonly isJudged: boolean;
    readonly isShared: boolean;
  },
): (condition: string) => boolean {
  if (isJudged) return (condition) => Object.hasOwn(told, condition);
  return isShared ? isError : () => true;
}

/** Judges by what was told before, and remembers what is told now. */
export function judge(
  db: DatabaseSync,
  { notices: policy }: Pick<StatSettings, "notices">,
  judgement: (told: Told, policy: NoticePolicy) => Judged,
): readonly Notice[] {
  const before = readTold(db);
  const { told, notices } = judgement(before, policy);
  // As a rule nothing lasts, and a pass need not wait for the disk.
  const isQuiet = [before, told].every((some) =>
    Object.keys(some).length === 0
  );
  if (!isQuiet) writeTold(db, told);
  return notices;
}
