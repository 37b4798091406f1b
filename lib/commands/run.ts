/**
 * relais, relais --once: passes.
 *
 * @module
 */

import {
  command,
  type Declaration,
  type GivenTo,
  type Surroundings,
} from "../cli/command.ts";
import type { Output } from "../cli/output.ts";
import type { Level, ReplicaReady } from "../config/config.ts";
import { requireReplica } from "../config/load.ts";
import { describe, type ExitStatus } from "../errors.ts";
import type { Stage } from "../progress/progress.ts";
import { ProgressWatch } from "../progress/watch.ts";
import type { PassReport } from "../state/pass-report.ts";
import { brokenReport } from "../supervisor/account.ts";
import type { PassOutcome } from "../supervisor/pass.ts";
import type { Replica, ReplicaOptions } from "../supervisor/replica.ts";
import { type Job, runService } from "../supervisor/service.ts";
import { Signals } from "../supervisor/signals.ts";
import { summarise } from "../supervisor/summary.ts";
import { formatBytes, formatTime } from "../text/human.ts";

const declaration = {
  name: "run",
  summary: "bring the replica up to date, and keep it up to date",
  description: [
    "Runs a pass at once, then one every schedule.every. A pass tests the servers, reads the new lines in the list of the best one, copies new files, and starts hooks.on_new.",
    "When root runs it, it runs as the owner of the state (before the first pass, the owner of the copy); under systemd, with the key and the sandbox of the service. The same holds for resolve, verify and check.",
  ],
  arguments: [],
  options: [
    { long: "once", kind: "flag", help: "run a single pass" },
    {
      long: "dry-run",
      short: "n",
      kind: "flag",
      help: "show what a pass would do; write nothing",
    },
    {
      long: "max-time",
      kind: "duration",
      value: "DURATION",
      help: "stop each pass cleanly after DURATION",
      default: "no limit",
    },
    {
      long: "max-transfer",
      kind: "size",
      value: "SIZE",
      help: "copy at most SIZE in a pass, like 10GB; the next one continues",
      default: "no limit",
    },
    {
      long: "accept-shrink",
      kind: "flag",
      help:
        "with --once: accept a list that lost entries, and delete those files",
      needs: "once",
    },
    {
      long: "failback",
      kind: "flag",
      help:
        "with --once: return to the preferred server if it is up, whatever probe.hold and probe.failback say",
      needs: "once",
    },
  ],
  examples: [
    { line: "relais --once", help: "one pass, as a systemd timer runs it" },
    { line: "relais --dry-run --once", help: "what a pass would do" },
  ],
} as const satisfies Declaration;

type Given = GivenTo<typeof declaration>;

export const run = command(declaration, work, () => true);

/** Runs a pass, or one after the other until a signal ends it. */
async function work(
  given: Given,
  surroundings: Surroundings,
): Promise<ExitStatus> {
  const { output } = surroundings;
  const load = async () => requireReplica(await surroundings.load());
  // A program that asked for JSON does not watch.
  const terminal = given.json ? undefined : output.terminal;
  const watch = terminal && new ProgressWatch(terminal);
  const options = {
    dryRun: given.dryRun,
    maxTransfer: given.maxTransfer,
    acceptShrink: given.acceptShrink,
    failback: given.failback,
    stderr: stderrLevel(given, output),
    journal: output.journal,
    loop: !given.once && !given.dryRun,
    live: watch !== undefined,
    tellsFiles: namesFiles(given, output),
    onFile: (path: string) => {
      watch?.erase();
      output.result(path);
    },
    onStage: (stage: Stage) => watch?.enter(stage),
  };
  if (given.once || given.dryRun) {
    return await runOnce(load, { options, watch }, given, output);
  }
  return await runService(await load(), {
    require: requireReplica,
    begin: async (config) =>
      passes(await open(config, options), watch, given, output),
  }, output);
}

/** Tells whether each file is named; with JSON, stdout is one document, and a journal has the log. */
function namesFiles({ json }: Given, output: Output): boolean {
  return output.verbose && !json && !output.journal;
}

/** What the log module itself prints; on a terminal, and of a single pass, a summary tells the rest. */
function stderrLevel(
  given: Given,
  output: Output,
): Level | null {
  const { once, dryRun } = given;
  const { verbose, quiet, journal, terminal } = output;
  // What is logged of each file need not be told beside its name.
  if (verbose) return namesFiles(given, output) ? "info" : "debug";
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
  given: Given,
  output: Output,
): Promise<ExitStatus> {
  const started = performance.now();
  using signals = new Signals();
  try {
    const signal = limited(signals.signal, given.maxTime);
    const { report, ...rest } = await onePass(await load(), manner, signal);
    // A signal may have come when the pass was over.
    const exit = signals.exitStatus ?? report.exit;
    tell({ ...rest, report: { ...report, exit } }, given, output);
    return exit;
  } catch (error) {
    if (given.json) {
      const seconds = Math.round(performance.now() - started) / 1_000;
      const report = brokenReport(error, seconds);
      output.json(given.dryRun ? { ...report, plan: [] } : report);
    }
    throw error;
  }
}

/** Opens the replica. It is loaded here: --version and help do without. */
async function open(
  config: ReplicaReady,
  options: ReplicaOptions,
): Promise<Replica> {
  const { Replica } = await import("../supervisor/replica.ts");
  return await Replica.open(config, options);
}

async function onePass(
  config: ReplicaReady,
  { options, watch }: Manner,
  signal: AbortSignal,
): Promise<PassOutcome> {
  await using replica = await open(config, options);
  return await pass(replica, watch, signal);
}

/** The job of the loop: one pass after the other. */
function passes(
  replica: Replica,
  watch: ProgressWatch | undefined,
  given: Given,
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
        limited(signal, given.maxTime),
      );
      const summary = summarise(outcome, { reasons: true }).join(" ");
      const { report } = outcome;
      if (given.json) output.json(report);
      else if (watch && (didSomething(report) || report.exit !== exitBefore)) {
        output.result(
          `${formatTime(Date.now())} ${summary}`,
        );
      }
      exitBefore = report.exit;
      return summary;
    },
    listen: (wake) => replica.listen(wake),
    [Symbol.asyncDispose]: () => replica[Symbol.asyncDispose](),
  };
}

/** Tells whether there is anything to tell of a pass; most of a loop find nothing to do. */
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

/** A timer that is to wait for longer goes off at once. */
const longestTimerMs = 2 ** 31 - 1;

/** The signal, or a time limit, whichever comes first. No pass takes as long as a timer can wait. */
function limited(signal: AbortSignal, ms = Infinity): AbortSignal {
  return ms > longestTimerMs
    ? signal
    : AbortSignal.any([signal, AbortSignal.timeout(ms)]);
}

/** Tells how a single pass went. */
export function tell(
  outcome: PassOutcome,
  { json }: Pick<Given, "json">,
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
          : `${report.refused} lines of the list of ${report.server} are refused; correct the program that writes it`,
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
    ? `refused on ${server}`
    : `refused in the list of ${server}`;
}
