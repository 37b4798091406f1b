/**
 * stat: each module's own figures, written where `relais stat` and Prometheus
 * find them, and the history of passes.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import { setGauges } from "../lib/stat/gauges.ts";
import { readTold, writeTold } from "../lib/stat/notice-memory.ts";
import { judgeSwitch, tellAgain } from "../lib/stat/notices.ts";
import type { StatOperations, StatSettings } from "../lib/stat/operations.ts";
import { formatPrometheus, writePrometheus } from "../lib/stat/prometheus.ts";
import { judge, record } from "../lib/stat/record.ts";
import {
  readSnapshot,
  restore,
  snapshotPath,
  takeSnapshot,
  writeSnapshot,
} from "../lib/stat/snapshot.ts";
import { openState } from "../lib/state/database.ts";
import { readView } from "../lib/state/shared-view.ts";
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
  const { settings, stats, figures, log } = context;
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
      record(ended) {
        const recorded = record(db, figures, ended, settings);
        write(context, db);
        return recorded;
      },
      switched(change) {
        return judge(
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

/** Writes all figures where they are looked for. */
function write(
  { settings, stats, figures }: StatContext,
  db: DatabaseSync,
): void {
  const { directory, prometheus, loop, isShared } = settings;
  figures.add("snapshots", 1);
  const servers = setGauges(figures, db, settings);
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
