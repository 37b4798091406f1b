/**
 * relais status: how things stand.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import {
  command,
  type Declaration,
  type GivenTo,
  type Surroundings,
} from "../cli/command.ts";
import { healthOptions } from "../cli/options-health.ts";
import { allJobsOption } from "../cli/options-jobs.ts";
import type { Output } from "../cli/output.ts";
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
import { jobLines, publisherLines, statusLines } from "../status/text.ts";
import { Signals } from "../supervisor/signals.ts";

const declaration = {
  name: "status",
  summary: "the active server, the lag, the last passes, what failed",
  description: [
    "Shows whether there is a problem, the active server and since when, the results of the last probes, the lag of the replica, the last passes, and the files that could not be copied.",
    "On a server that publishes: its list and the writer of the list, the last runs, and the sources that failed. On a machine that does both, it shows both.",
    "Exits with 0 if all is OK, with 1 if there is a problem: the last pass failed, no pass ended within --max-age, files failed, the active server is not the first one, or the lag is longer than --max-lag.",
    "With --nagios it prints one line with performance data, and exits with 0 (OK), 1 (WARNING: some files failed, or a failover), 2 (CRITICAL) or 3 (UNKNOWN).",
    "With --all-jobs it prints one line per job, the worst first.",
  ],
  arguments: [],
  options: [
    {
      long: "watch",
      short: "w",
      kind: "flag",
      help: "show it again every two seconds",
    },
    ...healthOptions,
    {
      long: "nagios",
      kind: "flag",
      help: "answer as a Nagios plugin",
      conflicts: "watch",
    },
    allJobsOption,
  ],
  examples: [
    { line: "relais status --json", help: "the same for a program" },
    {
      line: "relais status --nagios --max-lag 15m",
      help: "as a check of Nagios, Icinga, Checkmk …",
    },
    {
      line: "relais status --all-jobs --nagios",
      help: "one check for all jobs of this machine",
    },
  ],
} as const satisfies Declaration;

type Given = GivenTo<typeof declaration>;

export const status = command(declaration, tell);

/** What the command line says is still well; milliseconds. */
interface GivenLimits {
  readonly maxLag?: number | undefined;
  readonly maxAge?: number | undefined;
  readonly criticalFailover?: boolean | undefined;
}

/** What is told in full. */
const told = { passes: 5, failing: 20 };

/** How often `--watch` looks again. */
const watchMs = 2_000;

/** Tells how things stand, and whether that is well. */
async function tell(
  given: Given,
  surroundings: Surroundings,
): Promise<ExitStatus> {
  const { output } = surroundings;
  const load = async () => requireWork(await surroundings.load());
  if (given.nagios) return await speakNagios(load, given, output);
  const read = given.allJobs ? readAll(given) : readOne(await load(), given);
  if (given.watch) return await watch(read, given, output);
  const told = await read();
  if (given.json) output.json(told.json);
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

function readOne(config: Config, given: GivenLimits): () => Promise<Told> {
  return async () => {
    const view = await look(config, given);
    const isWell = problemsOfJob(view).length === 0;
    return { lines: linesOf(view), json: toJson(view), isWell };
  };
}

/** One job that cannot be looked at must not hide the others. */
function readAll(given: GivenLimits): () => Promise<Told> {
  return async () => {
    const jobs = await Promise.all(
      allJobs().map(async (name) => {
        try {
          const config = requireWork(await loadConfig(configOfJob(name)));
          return judgeJob(name, await look(config, given));
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

async function look(config: Config, given: GivenLimits): Promise<JobView> {
  const { replica, publish, schedule } = config;
  const timers = timersOf(config.job);
  const next = (unit: string, of: object | null) =>
    of === null ? undefined : nextTimerRun(unit);
  return await lookAtJob(placesOf(config), {
    ...told,
    limits: limitsFor(schedule.everyMs, given),
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
  given: Given,
  output: Output,
): Promise<ExitStatus> {
  const { line, status } = formatNagios(
    given.allJobs ? await askAll(given) : await askNagios(load, given),
  );
  output.text(line);
  return status;
}

async function askNagios(
  load: () => Promise<Config>,
  given: Given,
): Promise<NagiosPart[]> {
  try {
    const config = await load();
    const limits = limitsFor(config.schedule.everyMs, given);
    return partsOf(await look(config, given), limits);
  } catch (error) {
    return [unknownPart(describe(error))];
  }
}

async function askAll(given: Given): Promise<NagiosPart[]> {
  try {
    const parts = await Promise.all(
      allJobs().map(async (name) => {
        const load = async () =>
          requireWork(await loadConfig(configOfJob(name)));
        return (await askNagios(load, given)).map((part) => ofJob(name, part));
      }),
    );
    return parts.flat();
  } catch (error) {
    return [unknownPart(describe(error))];
  }
}

async function watch(
  read: () => Promise<Told>,
  given: Given,
  output: Output,
): Promise<ExitStatus> {
  using signals = new Signals();
  while (!signals.signal.aborted && !output.isClosed) {
    const { lines, json } = await read();
    if (given.json) output.json(json);
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
