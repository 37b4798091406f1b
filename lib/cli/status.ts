/**
 * relais status: how things stand.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import type { Config } from "../config/config.ts";
import { allJobs, configOfJob } from "../config/job.ts";
import { loadConfig, requireWork } from "../config/load.ts";
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
import { byGravity, judgeJob } from "../status/jobs.ts";
import {
  formatNagios,
  type NagiosPart,
  ofJob,
  partsOf,
  unknownPart,
} from "../status/nagios.ts";
import { nextTimerRun, timersOf } from "../status/next-pass.ts";
import { Signals } from "../supervisor/signals.ts";
import type { Output } from "./output.ts";
import { jobLines, publisherLines, statusLines } from "./status-text.ts";

/** What the command line says is still well; milliseconds. */
interface GivenLimits {
  readonly maxLag?: number | undefined;
  readonly maxAge?: number | undefined;
  readonly criticalFailover?: boolean | undefined;
}

export interface StatusArguments extends GivenLimits {
  readonly json: boolean;
  readonly watch: boolean;
  readonly nagios: boolean;
  /** Whether to tell of all jobs of this machine. */
  readonly allJobs: boolean;
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
  const read = args.allJobs ? readAll(args) : readOne(await load(), args);
  if (args.watch) return await watch(read, args, output);
  const told = await read();
  if (args.json) output.json(told.json);
  else for (const line of told.lines) output.result(line);
  return statusOf(told.isWell);
}

/** How things stand, for a person and for a program. */
interface Told {
  readonly lines: readonly string[];
  /** docs/schemas/status.json. */
  readonly json: unknown;
  readonly isWell: boolean;
}

function readOne(config: Config, args: GivenLimits): () => Promise<Told> {
  return async () => {
    const view = await look(config, args);
    const isWell = problemsOfJob(view).length === 0;
    return { lines: linesOf(view), json: toJson(view), isWell };
  };
}

/** One job that cannot be looked at must not hide the others. */
function readAll(args: GivenLimits): () => Promise<Told> {
  return async () => {
    const jobs = await Promise.all(
      allJobs().map(async (name) => {
        try {
          const config = requireWork(await loadConfig(configOfJob(name)));
          return judgeJob(name, await look(config, args));
        } catch (error) {
          return judgeJob(name, describe(error));
        }
      }),
    );
    const worstFirst = byGravity(jobs);
    return {
      lines: jobLines(worstFirst),
      json: jobs.map(({ name, problems, summary, stands }) => ({
        job: name,
        ...typeof stands === "string"
          ? { healthy: false, summary, problems }
          : toJson(stands),
      })),
      isWell: jobs.every(({ problems }) => problems.length === 0),
    };
  };
}

/** Shows a person how things stand. */
export async function showStatus(
  config: Config,
  output: Output,
  limits: GivenLimits = {},
): Promise<ExitStatus> {
  const { lines, isWell } = await readOne(config, limits)();
  for (const line of lines) output.result(line);
  return statusOf(isWell);
}

async function look(config: Config, args: GivenLimits): Promise<JobView> {
  const { replica, publish, schedule } = config;
  const timers = timersOf(config.job);
  const next = (unit: string, of: object | null) =>
    of === null ? undefined : nextTimerRun(unit);
  return await lookAtJob(placesOf(config), {
    ...told,
    limits: limitsFor(schedule.everyMs, args),
    timers: {
      replica: await next(timers.replica, replica),
      publisher: await next(timers.publisher, publish),
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

/** The result as a program reads it. */
function toJson(view: JobView) {
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
  const { line, status } = formatNagios(
    args.allJobs ? await askAll(args) : await askNagios(load, args),
  );
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

async function askAll(args: StatusArguments): Promise<NagiosPart[]> {
  try {
    const parts = await Promise.all(
      allJobs().map(async (name) => {
        const load = async () =>
          requireWork(await loadConfig(configOfJob(name)));
        return (await askNagios(load, args)).map((part) => ofJob(name, part));
      }),
    );
    return parts.flat();
  } catch (error) {
    return [unknownPart(describe(error))];
  }
}

async function watch(
  read: () => Promise<Told>,
  args: StatusArguments,
  output: Output,
): Promise<ExitStatus> {
  using signals = new Signals();
  while (!signals.signal.aborted) {
    const { lines, json } = await read();
    if (args.json) output.json(json);
    else output.screen(lines);
    await delay(watchMs, { signal: signals.signal }).catch(() => {
      // A signal ends it.
    });
  }
  return signals.exitStatus ?? exitStatus.done;
}

function statusOf(isWell: boolean): ExitStatus {
  return isWell ? exitStatus.done : exitStatus.incomplete;
}
