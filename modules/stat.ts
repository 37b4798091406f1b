/**
 * stat: each module's own figures, written where `relais stat` and Prometheus
 * find them, and the history of passes.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import type {
  PassReport,
  StatOperations,
  StatSettings,
} from "../lib/protocol.ts";
import { openState } from "../lib/state/database.ts";
import { lastPasses, recordPass } from "../lib/state/history.ts";
import { passFigure } from "../lib/stats/figures.ts";
import { formatPrometheus, writePrometheus } from "../lib/stats/prometheus.ts";
import {
  readSnapshot,
  restore,
  snapshotPath,
  takeSnapshot,
  writeSnapshot,
} from "../lib/stats/snapshot.ts";
import { toMilliseconds } from "../lib/timestamp.ts";
import { type Context, serve, type Served } from "../lib/worker.ts";

type StatContext = Context<"stat", StatSettings, never>;

/** How often the snapshot is written while relais works. */
const snapshotEveryMs = 1_000;

/** Returns what stat answers. Its figures go on where the last process left them. */
export async function stat(
  context: StatContext,
): Promise<Served<StatOperations>> {
  const { settings: { directory, history, dryRun }, stats, log } = context;
  const { snapshot, problem } = await readSnapshot(snapshotPath(directory));
  if (snapshot !== undefined) restore(stats, snapshot);
  if (problem !== undefined) log.warning(problem);
  if (dryRun) {
    return { handlers: { record: () => [], write: () => null } };
  }
  setInterval(() => writeOrTell(context), snapshotEveryMs);
  let db: DatabaseSync | undefined;
  return {
    handlers: {
      record({ report, started }) {
        count(context, report);
        let before: readonly string[] = [];
        if (history) {
          db ??= openState(directory);
          before = lastPasses(db, 1)[0]?.report.errors ?? [];
          recordPass(db, toMilliseconds(started) / 1_000, report);
        }
        write(context);
        return before;
      },
      write() {
        write(context);
        return null;
      },
    },
    end: () => db?.close(),
  };
}

function count({ figures }: StatContext, { exit, seconds }: PassReport): void {
  figures.together({
    [passFigure(exit)]: 1,
    last_exit: exit,
    last_duration: Math.round(seconds * 1_000),
    ...(exit === 0 ? { last_success: Date.now() } : {}),
  });
}

function write(
  { settings: { directory, prometheus }, stats, figures }: StatContext,
): void {
  figures.add("snapshots", 1);
  const snapshot = takeSnapshot(stats);
  writeSnapshot(snapshotPath(directory), snapshot);
  if (prometheus !== "") {
    writePrometheus(prometheus, formatPrometheus(snapshot));
  }
}

/** Figures that cannot be written are no reason to stop. */
function writeOrTell(context: StatContext): void {
  try {
    write(context);
  } catch (error) {
    context.log.warning((error as Error).message);
  }
}

if (import.meta.main) serve("stat", stat);
