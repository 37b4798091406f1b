/**
 * relais status: how things stand.
 *
 * @module
 */

import type { ReplicaReady } from "../config/config.ts";
import { describe, type ExitStatus, exitStatus } from "../errors.ts";
import { recall } from "../probe/memory.ts";
import { readState } from "../state/database.ts";
import { lastPasses } from "../state/history.ts";
import { listedFiles, totals } from "../state/overview.ts";
import { formatBytes, formatDate, formatSeconds } from "./human.ts";
import type { Output } from "./output.ts";
import { summary } from "./run.ts";

/** Passes that are told. */
const passesTold = 5;

/** Failing files that are named. */
const failuresTold = 20;

/** Tells which server is active, how late the replica is, how the last passes went, and what failed. */
export function status(
  config: ReplicaReady,
  { json }: { readonly json: boolean },
  output: Output,
): ExitStatus {
  using db = readState(config.replica.state);
  if (db === undefined) {
    if (json) output.json(null);
    else output.result("No pass has been run yet.");
    return exitStatus.done;
  }
  const { choice, reason, probes, probedAt } = recall(db);
  const { oldest, ...counts } = totals(db);
  const failing = [...listedFiles(db, "failed")].slice(0, failuresTold);
  const passes = lastPasses(db, passesTold);
  const lag = oldest === null ? 0 : Math.max(0, Date.now() / 1_000 - oldest);
  const { active } = choice;
  if (json) {
    output.json({
      active,
      since: choice.since / 1_000,
      reason,
      lag_seconds: Math.round(lag),
      ...counts,
      servers: probes.map((
        { server, verdict, depth, failure, milliseconds, list },
      ) => ({
        name: server,
        verdict,
        depth,
        error: failure?.message ?? null,
        milliseconds,
        list,
      })),
      probed: probedAt / 1_000,
      passes,
      failing,
    });
    return exitStatus.done;
  }
  output.result(
    active === null
      ? "No server has served yet."
      : `Active server: ${active}, since ${
        formatDate(choice.since)
      }: ${reason}`,
  );
  for (const { server, verdict, milliseconds, failure } of probes) {
    output.result(
      `  ${server}: ${verdict}, ${milliseconds} ms${
        failure === null ? "" : `: ${describe(failure)}`
      }`,
    );
  }
  output.result(
    `Here: ${counts.here} files, ${
      formatBytes(counts.bytes)
    }; pending: ${counts.pending}; failed: ${counts.failed}; lag: ${
      formatSeconds(lag)
    }`,
  );
  for (const { path, error } of failing) output.result(`  ${path}: ${error}`);
  for (const { started, report } of passes) {
    output.result(
      `${formatDate(started * 1_000)}  exit ${report.exit}  ${summary(report)}`,
    );
  }
  return exitStatus.done;
}
