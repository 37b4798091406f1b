/**
 * stat: each module's own figures, written where `relais stat` and Prometheus
 * find them, and the history of passes.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import { readTold, writeTold } from "../lib/stat/notice-memory.ts";
import {
  isError,
  type Judged,
  judgePass,
  judgeSwitch,
  type Notice,
  type NoticePolicy,
  tellAgain,
  type Told,
} from "../lib/stat/notices.ts";
import { recall, serversInUse } from "../lib/test-server/memory.ts";
import type { PassReport } from "../lib/state/pass-report.ts";
import type {
  Recorded,
  StatOperations,
  StatSettings,
} from "../lib/stat/operations.ts";
import { openState } from "../lib/state/database.ts";
import { lastPasses, recordPass } from "../lib/state/history.ts";
import { lagBehind, type Totals, totals } from "../lib/state/overview.ts";
import { lagOf, readView } from "../lib/state/shared-view.ts";
import { passFigure } from "../lib/worker/figures.ts";
import { formatPrometheus, writePrometheus } from "../lib/stat/prometheus.ts";
import { type ServerState, serverStates } from "../lib/stat/servers.ts";
import {
  readSnapshot,
  restore,
  snapshotPath,
  takeSnapshot,
  writeSnapshot,
} from "../lib/stat/snapshot.ts";
import { toMilliseconds } from "../lib/text/timestamp.ts";
import { type Context, runModule, type Running } from "../lib/worker/life.ts";

type StatContext = Context<"stat", StatSettings, never>;

/** How often the snapshot is written while relais works. */
const snapshotEveryMs = 1_000;

/**
 * Returns what stat answers. Its figures go on where the last process left them.
 *
 * @throws {LocalError} If the state cannot be opened.
 */
export async function stat(
  context: StatContext,
): Promise<Running<StatOperations>> {
  const { settings, stats, log } = context;
  const { directory, dryRun } = settings;
  const { snapshot, problem } = await readSnapshot(snapshotPath(directory));
  if (snapshot !== undefined) restore(stats, snapshot);
  if (problem !== undefined) log.warning(problem);
  if (dryRun) {
    return {
      handlers: {
        record: () => ({ before: [], notices: [] }),
        switched: () => [],
        unheard: () => null,
        write: () => null,
      },
    };
  }
  const db = openState(directory);
  const timer = setInterval(() => writeOrTell(context, db), snapshotEveryMs);
  return {
    handlers: {
      record({ report, started, isJudged }) {
        count(context, report);
        const recorded = record(
          db,
          { report, started: toMilliseconds(started), isJudged },
          settings,
        );
        write(context, db);
        return recorded;
      },
      switched(change) {
        return judged(
          db,
          settings,
          (told, policy) => judgeSwitch(told, change, policy, Date.now()),
        );
      },
      unheard({ condition }) {
        const { notices: policy } = settings;
        writeTold(db, tellAgain(readTold(db), condition, policy, Date.now()));
        return null;
      },
      write() {
        write(context, db);
        return null;
      },
    },
    end() {
      clearInterval(timer);
      if (settings.loop) endLoop(directory, stats);
      db.close();
    },
  };
}

/** Says that no pass follows. */
function endLoop(directory: string, stats: StatContext["stats"]): void {
  try {
    const last = { ...takeSnapshot(stats), loop: false };
    writeSnapshot(snapshotPath(directory), last);
  } catch {
    // A disk that is full was told of already, and the figures grow old.
  }
}

function count({ figures }: StatContext, { exit, seconds }: PassReport): void {
  figures.together({
    [passFigure(exit)]: 1,
    last_exit: exit,
    last_duration: Math.round(seconds * 1_000),
    ...(exit === 0 ? { last_success: Date.now() } : {}),
  });
}

/** Adds a pass to the history, and judges what is to be told of it. */
function record(
  db: DatabaseSync,
  { report, started, isJudged }: {
    readonly report: PassReport;
    readonly started: number;
    readonly isJudged: boolean;
  },
  settings: StatSettings,
): Recorded {
  const before = lastPasses(db, 1)[0]?.errors ?? [];
  // A pass that found no server knows no lag, and yet it grows.
  const lag = Math.round(counted(db, settings).lag);
  const lagging = { ...report, lag_seconds: lag };
  recordPass(db, started / 1_000, lagging, settings.keepMs);
  const notices = judged(
    db,
    settings,
    (told, policy) =>
      judgePass(told, lagging, policy, Date.now(), {
        concerns: concernsOf(told, { isJudged, isShared: settings.isShared }),
      }),
  );
  return { before, notices };
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
function judged(
  db: DatabaseSync,
  { notices: policy }: StatSettings,
  judge: (told: Told, policy: NoticePolicy) => Judged,
): readonly Notice[] {
  const before = readTold(db);
  const { told, notices } = judge(before, policy);
  // As a rule nothing lasts, and a pass need not wait for the disk.
  const isQuiet = [before, told].every((some) =>
    Object.keys(some).length === 0
  );
  if (!isQuiet) writeTold(db, told);
  return notices;
}

function write(
  { settings, stats, figures }: StatContext,
  db: DatabaseSync,
): void {
  const { directory, prometheus, loop, isShared } = settings;
  figures.add("snapshots", 1);
  const servers = lookAt(db, { figures, settings });
  const cluster = isShared ? readView(db)?.cluster : undefined;
  const snapshot = {
    ...takeSnapshot(stats, servers),
    ...cluster && { cluster },
    loop,
  };
  writeSnapshot(snapshotPath(directory), snapshot);
  if (prometheus !== "") {
    writePrometheus(prometheus, formatPrometheus(snapshot));
  }
}

/** Sets the gauges of what the state says, and returns what it says of the servers. */
function lookAt(
  db: DatabaseSync,
  { figures, settings }: Pick<StatContext, "figures" | "settings">,
): readonly ServerState[] {
  const memory = recall(db);
  const { lag, here, bytes, failed } = counted(db, settings);
  const { active, since } = sourceOf(db, settings);
  figures.set("lag", Math.round(lag * 1_000));
  figures.set("replica_files", here);
  figures.set("replica_bytes", bytes);
  figures.set("failing", failed);
  figures.set("active_since", Math.round(since));
  return serverStates(memory, active);
}

/** The server that files come from, and since when, in milliseconds since the epoch. */
function sourceOf(
  db: DatabaseSync,
  { isShared }: Pick<StatSettings, "isShared">,
): { readonly active: string | null; readonly since: number } {
  const counts = isShared ? readView(db)?.counts : undefined;
  return counts === undefined
    ? recall(db).choice
    : { active: counts.server, since: counts.since * 1_000 };
}

/** The list of this machine, or the one that it shares, as it was last seen. */
function counted(
  db: DatabaseSync,
  { isShared }: Pick<StatSettings, "isShared">,
): Pick<Totals, "here" | "bytes" | "failed"> & { readonly lag: number } {
  const counts = isShared ? readView(db)?.counts : undefined;
  if (counts !== undefined) {
    return { ...counts, lag: lagOf(counts, Date.now()) };
  }
  const lag = lagBehind(db, serversInUse(recall(db)), Date.now());
  return { ...totals(db, null), lag };
}

/** Figures that cannot be written are no reason to stop. */
function writeOrTell(
  context: StatContext,
  db: DatabaseSync,
): void {
  try {
    write(context, db);
  } catch (error) {
    context.log.warning((error as Error).message);
  }
}

if (import.meta.main) runModule("stat", stat);
