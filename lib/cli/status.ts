/**
 * relais status: how things stand.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import type { Config } from "../config/config.ts";
import { describe, type ExitStatus, exitStatus } from "../errors.ts";
import {
  type Aspect,
  type JobView,
  limitsFor,
  lookAtJob,
  placesOf,
  problemsOfJob,
  sayJob,
} from "../status/job.ts";
import {
  formatNagios,
  type NagiosPart,
  partsOf,
  unknownPart,
} from "../status/nagios.ts";
import { nextTimerRun, timerUnits } from "../status/next-pass.ts";
import { Signals } from "../supervisor/signals.ts";
import type { Output } from "./output.ts";
import { publisherLines, statusLines } from "./status-text.ts";

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
  load: () => Promise<Config>,
  args: StatusArguments,
  output: Output,
): Promise<ExitStatus> {
  if (args.nagios) return await speakNagios(load, args, output);
  const config = await load();
  if (args.watch) return await watch(config, args, output);
  if (!args.json) return await showStatus(config, output, args);
  const view = await look(config, args);
  output.json(toJson(view));
  return statusOf(view);
}

/** Shows a person how things stand. */
export async function showStatus(
  config: Config,
  output: Output,
  limits: GivenLimits = {},
): Promise<ExitStatus> {
  const view = await look(config, limits);
  for (const line of linesOf(view)) output.result(line);
  return statusOf(view);
}

async function look(config: Config, args: GivenLimits): Promise<JobView> {
  const { replica, publish, schedule } = config;
  const timer = (unit: string, of: object | null) =>
    of === null ? undefined : nextTimerRun(unit);
  return await lookAtJob(placesOf(config), {
    ...told,
    limits: limitsFor(schedule.everyMs, args),
    timers: {
      replica: await timer(timerUnits.replica, replica),
      publisher: await timer(timerUnits.publisher, publish),
    },
  });
}

function linesOf({ replica, publisher }: JobView): string[] {
  const parts = [
    ...replica === undefined ? [] : [statusLines(replica)],
    ...publisher === undefined ? [] : [publisherLines(publisher)],
  ];
  return parts.flatMap((lines, index) => index === 0 ? lines : ["", ...lines]);
}

/** The result as a program reads it: docs/schemas/status.json. */
function toJson(view: JobView): unknown {
  const { replica, publisher } = view;
  const problems = problemsOfJob(view);
  return {
    healthy: problems.length === 0,
    summary: sayJob(view),
    problems,
    ...replica?.situation,
    ...publisher && { publisher: aspectToJson(publisher) },
  };
}

function aspectToJson<Stands>(
  { situation, problems, summary }: Aspect<Stands>,
) {
  return { healthy: problems.length === 0, summary, problems, ...situation };
}

/** Whatever keeps a plugin from finding out is a state of its own. */
async function speakNagios(
  load: () => Promise<Config>,
  args: StatusArguments,
  output: Output,
): Promise<ExitStatus> {
  const { line, status } = formatNagios(await askNagios(load, args));
  output.text(line);
  return status;
}

async function askNagios(
  load: () => Promise<Config>,
  args: StatusArguments,
): Promise<NagiosPart[]> {
  try {
    const config = await load();
    const limits = limitsFor(config.schedule.everyMs, args);
    return partsOf(await look(config, args), limits);
  } catch (error) {
    return [unknownPart(describe(error))];
  }
}

async function watch(
  config: Config,
  args: StatusArguments,
  output: Output,
): Promise<ExitStatus> {
  using signals = new Signals();
  while (!signals.signal.aborted) {
    const view = await look(config, args);
    if (args.json) output.json(toJson(view));
    else output.screen(linesOf(view));
    await delay(watchMs, { signal: signals.signal }).catch(() => {
      // A signal ends it.
    });
  }
  return signals.exitStatus ?? exitStatus.done;
}

function statusOf(view: JobView): ExitStatus {
  return problemsOfJob(view).length === 0
    ? exitStatus.done
    : exitStatus.incomplete;
}
