/**
 * relais, relais --once: passes.
 *
 * @module
 */

import type { Level, ReplicaReady } from "../config/config.ts";
import { requireReplica } from "../config/load.ts";
import { describe, type ExitStatus } from "../errors.ts";
import type { PassReport } from "../pass-report.ts";
import { brokenReport } from "../supervisor/account.ts";
import type { PassOutcome } from "../supervisor/pass.ts";
import { Replica, type ReplicaOptions } from "../supervisor/replica.ts";
import { Signals } from "../supervisor/signals.ts";
import type { Stage } from "../supervisor/stage.ts";
import { formatBytes, formatTime } from "../human.ts";
import type { Output } from "./output.ts";
import { ProgressWatch } from "./progress-watch.ts";
import { type Job, serve } from "./service.ts";
import { summarise } from "./summary.ts";

/** The time of a day, at the end of a date. */

export interface RunArguments {
  readonly once: boolean;
  readonly dryRun: boolean;
  /** Milliseconds a pass may take. */
  readonly maxTime: number | undefined;
  /** Bytes a pass may transfer. */
  readonly maxTransfer: number | undefined;
  readonly acceptShrink: boolean;
  readonly failback: boolean;
  readonly json: boolean;
}

/** Runs a pass, or one after the other until a signal ends it. */
export async function run(
  load: () => Promise<ReplicaReady>,
  args: RunArguments,
  output: Output,
): Promise<ExitStatus> {
  // A program that asked for JSON does not watch.
  const terminal = args.json ? undefined : output.terminal;
  const watch = terminal && new ProgressWatch(terminal);
  const options = {
    dryRun: args.dryRun,
    maxTransfer: args.maxTransfer,
    acceptShrink: args.acceptShrink,
    failback: args.failback,
    stderr: stderrLevel(args, output),
    journal: output.journal,
    loop: !args.once && !args.dryRun,
    live: watch !== undefined,
    tellsFiles: namesFiles(args, output),
    onFile: (path: string) => {
      watch?.erase();
      output.result(path);
    },
    onStage: (stage: Stage) => watch?.enter(stage),
  };
  if (args.once || args.dryRun) {
    return await runOnce(load, { options, watch }, args, output);
  }
  return await serve(await load(), {
    require: requireReplica,
    begin: async (config) =>
      passes(await Replica.open(config, options), watch, args, output),
  }, output);
}

/** Whether each file is named; with JSON, stdout is one document, and a journal has the log. */
function namesFiles({ json }: RunArguments, output: Output): boolean {
  return output.verbose && !json && !output.journal;
}

/** What the log module itself prints; on a terminal, and of a single pass, a summary tells the rest. */
function stderrLevel(
  args: RunArguments,
  output: Output,
): Level | null {
  const { once, dryRun } = args;
  const { verbose, quiet, journal, terminal } = output;
  // What is logged of each file need not be told beside its name.
  if (verbose) return namesFiles(args, output) ? "info" : "debug";
  if (quiet) return journal ? "error" : null;
  if (once || dryRun) return journal ? "info" : null;
  return terminal === undefined ? "info" : "warning";
}

/** How a pass is run. */
interface Manner {
  readonly options: ReplicaOptions;
  readonly watch: ProgressWatch | undefined;
}

async function runOnce(
  load: () => Promise<ReplicaReady>,
  manner: Manner,
  args: RunArguments,
  output: Output,
): Promise<ExitStatus> {
  const started = performance.now();
  using signals = new Signals();
  try {
    const signal = limited(signals.signal, args.maxTime);
    const outcome = await onePass(await load(), manner, signal);
    tell(outcome, args, output);
    return signals.exitStatus ?? outcome.report.exit;
  } catch (error) {
    if (args.json) {
      const seconds = Math.round(performance.now() - started) / 1_000;
      const report = brokenReport(error, seconds);
      output.json(args.dryRun ? { ...report, plan: [] } : report);
    }
    throw error;
  }
}

async function onePass(
  config: ReplicaReady,
  { options, watch }: Manner,
  signal: AbortSignal,
): Promise<PassOutcome> {
  await using replica = await Replica.open(config, options);
  return await pass(replica, watch, signal);
}

/** The job of the loop: one pass after the other. */
function passes(
  replica: Replica,
  watch: ProgressWatch | undefined,
  args: RunArguments,
  output: Output,
): Job {
  let exitBefore: number | undefined;
  return {
    log: replica.log,
    get answers() {
      return replica.answers;
    },
    async run(signal) {
      const outcome = await pass(
        replica,
        watch,
        limited(signal, args.maxTime),
      );
      const summary = summarise(outcome, { reasons: true }).join(" ");
      const { report } = outcome;
      if (args.json) output.json(report);
      else if (watch && (didSomething(report) || report.exit !== exitBefore)) {
        output.result(
          `${formatTime(Date.now())} ${summary}`,
        );
      }
      exitBefore = report.exit;
      return summary;
    },
    [Symbol.asyncDispose]: () => replica[Symbol.asyncDispose](),
  };
}

/** Whether there is anything to tell of a pass; most of a loop find nothing to do. */
function didSomething(
  { copied, adopted, removed, failed }: PassReport,
): boolean {
  return copied + adopted + removed + failed.length > 0;
}

/** Runs a pass, drawn while it runs if there is a terminal for that. */
async function pass(
  replica: Replica,
  watch: ProgressWatch | undefined,
  signal: AbortSignal,
): Promise<PassOutcome> {
  using _drawn = watch?.begin(replica.stats);
  return await replica.pass(signal);
}

/** The signal, or a time limit, whichever comes first. */
function limited(signal: AbortSignal, ms: number | undefined): AbortSignal {
  return ms === undefined
    ? signal
    : AbortSignal.any([signal, AbortSignal.timeout(ms)]);
}

/** Tells how a single pass went. */
export function tell(
  outcome: PassOutcome,
  { json }: Pick<RunArguments, "json">,
  output: Output,
): void {
  const { report, failures, probed } = outcome;
  if (json) output.json(report);
  if (!output.journal) {
    for (const { failure } of probed.probes) {
      if (failure !== null && report.exit !== 0) {
        output.error(describe(failure));
      }
    }
    for (const failure of failures) output.error(describe(failure));
    for (const { error } of report.failed) output.error(error);
    for (const refusal of report.refusals) {
      output.error(`${refusedIn(report)}: ${refusal}`);
    }
    if (report.refused > report.refusals.length) {
      output.error(
        report.generation === null
          ? `${report.refused} names on ${report.server} cannot be used`
          : `${report.refused} lines of the list of ${report.server} are refused; correct what writes it`,
      );
    }
  }
  if (json || output.quiet) return;
  if (report.plan !== undefined) {
    for (const { action, path, size } of report.plan) {
      output.result(`${action} ${path} (${formatBytes(size)})`);
    }
  }
  // On a terminal the reasons have just been told in full.
  const told = summarise(outcome, { reasons: output.journal });
  for (const sentence of told) output.result(sentence);
}

/** Where names are refused: in the list of a server, or in its tree. */
function refusedIn({ server, generation }: PassReport): string {
  return generation === null
    ? `skipped on ${server}`
    : `refused in the list of ${server}`;
}
