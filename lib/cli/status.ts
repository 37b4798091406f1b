/**
 * relais status: how things stand.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import type { ReplicaReady } from "../config/config.ts";
import { describe, type ExitStatus, exitStatus } from "../errors.ts";
import { readState } from "../state/database.ts";
import { readSnapshot, snapshotPath } from "../stats/snapshot.ts";
import {
  defaultMaxAgeMs,
  type HealthLimits,
  type Problem,
  problemsOf,
  sayHealth,
} from "../status/health.ts";
import {
  type NagiosResult,
  toNagios,
  unknownToNagios,
} from "../status/nagios.ts";
import { nextLoopPass, nextTimerRun } from "../status/next-pass.ts";
import { readSituation, type Situation } from "../status/situation.ts";
import { Signals } from "../supervisor/signals.ts";
import type { Output } from "./output.ts";
import { statusLines } from "./status-text.ts";

/** What the command line says is still well; milliseconds. */
interface GivenLimits {
  readonly maxLag?: number | undefined;
  readonly maxAge?: number | undefined;
}

export interface StatusArguments extends GivenLimits {
  readonly json: boolean;
  readonly watch: boolean;
  readonly nagios: boolean;
}

/** What is told in full. */
const told = { passes: 5, failing: 20 };

/** How often `--watch` looks again. */
const watchMs = 2_000;

/** Tells how things stand, and whether that is well. */
export async function status(
  load: () => Promise<ReplicaReady>,
  args: StatusArguments,
  output: Output,
): Promise<ExitStatus> {
  if (args.nagios) return await speakNagios(load, args, output);
  const config = await load();
  if (args.watch) return await watch(config, args, output);
  if (!args.json) return await showStatus(config, output, args);
  const { situation, problems } = await look(config, args);
  output.json(toJson(situation, problems));
  return statusOf(problems);
}

/** Shows a person how things stand. */
export async function showStatus(
  config: ReplicaReady,
  output: Output,
  limits: GivenLimits = {},
): Promise<ExitStatus> {
  const { situation, problems } = await look(config, limits);
  for (const line of statusLines(situation, problems)) output.result(line);
  return statusOf(problems);
}

interface View {
  readonly situation: Situation;
  readonly problems: readonly Problem[];
}

async function look(
  config: ReplicaReady,
  args: GivenLimits,
): Promise<View> {
  const { state } = config.replica;
  const timer = await nextTimerRun();
  const { snapshot } = await readSnapshot(snapshotPath(state));
  using db = readState(state);
  const situation = readSituation(db, config.replica, {
    ...told,
    nextPass: (last, now) =>
      timer ?? nextLoopPass(snapshot, last, config.schedule.everyMs, now),
  });
  return { situation, problems: problemsOf(situation, limitsOf(config, args)) };
}

function limitsOf(
  { schedule }: ReplicaReady,
  { maxLag, maxAge }: GivenLimits,
): HealthLimits {
  return {
    maxAgeMs: maxAge ?? defaultMaxAgeMs(schedule.everyMs),
    maxLagMs: maxLag,
  };
}

/** The result as a program reads it: docs/schemas/status.json. */
function toJson(situation: Situation, problems: readonly Problem[]): unknown {
  return {
    healthy: problems.length === 0,
    summary: sayHealth(situation, problems),
    problems,
    ...situation,
  };
}

/** Whatever keeps a plugin from finding out is a state of its own. */
async function speakNagios(
  load: () => Promise<ReplicaReady>,
  args: StatusArguments,
  output: Output,
): Promise<ExitStatus> {
  const { line, status } = await askNagios(load, args);
  output.text(line);
  return status;
}

async function askNagios(
  load: () => Promise<ReplicaReady>,
  args: StatusArguments,
): Promise<NagiosResult> {
  try {
    const config = await load();
    const { situation, problems } = await look(config, args);
    return toNagios(situation, problems, limitsOf(config, args));
  } catch (error) {
    return unknownToNagios(describe(error));
  }
}

async function watch(
  config: ReplicaReady,
  args: StatusArguments,
  output: Output,
): Promise<ExitStatus> {
  using signals = new Signals();
  while (!signals.signal.aborted) {
    const { situation, problems } = await look(config, args);
    if (args.json) output.json(toJson(situation, problems));
    else output.screen(statusLines(situation, problems));
    await delay(watchMs, { signal: signals.signal }).catch(() => {
      // A signal ends it.
    });
  }
  return signals.exitStatus ?? exitStatus.done;
}

function statusOf(problems: readonly Problem[]): ExitStatus {
  return problems.length === 0 ? exitStatus.done : exitStatus.incomplete;
}
