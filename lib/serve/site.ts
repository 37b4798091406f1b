/**
 * Answers for each address. All data are read again for each request;
 * nothing can be written.
 *
 * @module
 */

import { describe, RelaisError } from "../errors.ts";
import { periodsOf } from "../stat/periods.ts";
import { readLog } from "../log/read.ts";
import { ownDirectoryOf } from "../files/own-directory.ts";
import { readState } from "../state/database.ts";
import { hoursSince } from "../state/history.ts";
import { newestFiles } from "../state/overview.ts";
import { formatAll, type Labelled } from "../stat/prometheus.ts";
import type { HealthLimits } from "../status/health.ts";
import {
  type JobPlaces,
  type JobView,
  lookAtJob,
  problemsOfJob,
  sayJob,
} from "../status/job.ts";
import { judgeJob } from "../status/jobs.ts";
import { type GateSettings, turnAway } from "./gate.ts";
import { answer, plain } from "./headers.ts";
import { firstLines, streamLog } from "./log-stream.ts";
import { renderOverview } from "./overview.ts";
import { policy, renderPage } from "./page.ts";
import { rangeNamed } from "./range.ts";

/** Settings of a site. */
export interface SiteSettings {
  /** One without a name, or several with one each. */
  readonly jobs: readonly SiteJob[];
  readonly gate: GateSettings;
}

/** One job, from one configuration. */
export interface SiteJob {
  /** `null`: there is no other. */
  readonly name: string | null;
  readonly places: JobPlaces;
  readonly limits: HealthLimits;
  /** Path of the log; empty: there is none. */
  readonly log: string;
}

/** Number of rows in the tables of the page. */
const shown = { passes: 12, failing: 100, newest: 50 };

/** Longer texts are no name of a file. */
const longestQuery = 200;

/** Logs that are followed at the same time. */
const mostStreams = 32;

/** All jobs, for browsers and monitors. */
export class Site {
  readonly #jobs: readonly SiteJob[];
  readonly #gate: GateSettings;
  readonly #signal: AbortSignal;
  #streams = 0;

  /** Streams end when `signal` aborts. */
  constructor({ jobs, gate }: SiteSettings, signal: AbortSignal) {
    this.#jobs = jobs;
    this.#gate = gate;
    this.#signal = signal;
  }

  /** Answers a request. */
  async handle(request: Request): Promise<Response> {
    const away = turnAway(request, this.#gate);
    if (away !== undefined) return away;
    const { pathname, searchParams } = new URL(request.url);
    try {
      switch (pathname) {
        case "/healthz":
          return await this.#health();
        case "/metrics":
          return await this.#metrics();
        default:
          return await this.#ofJob(pathname, searchParams, request.method);
      }
    } catch (error) {
      if (!(error instanceof RelaisError)) throw error;
      return plain(503, describe(error));
    }
  }

  /** The pages of a job lie below its name; of one that has none, at the top. */
  async #ofJob(
    pathname: string,
    asked: URLSearchParams,
    method: string,
  ): Promise<Response> {
    const [, first = "", ...rest] = pathname.split("/");
    const isAlone = this.#jobs[0]?.name === null;
    if (!isAlone && pathname === "/") return await this.#overview();
    const name = isAlone ? null : first;
    const page = isAlone ? [first, ...rest].join("/") : rest.join("/");
    const job = this.#jobs.find((job) => job.name === name);
    if (job !== undefined && pathname !== `/${name}`) {
      if (page === "") return await this.#page(job, asked);
      if (page === "log") return this.#log(job, method);
    }
    return plain(404, "Not found; the page is at /");
  }

  async #overview(): Promise<Response> {
    const jobs = await Promise.all(
      this.#jobs.map(async (job) => judgeJob(job.name!, await lookOrTell(job))),
    );
    const body = renderOverview(jobs);
    return answer(body, "text/html; charset=utf-8", { policy });
  }

  async #page(job: SiteJob, asked: URLSearchParams): Promise<Response> {
    const range = rangeNamed(asked.get("range"));
    const query = (asked.get("q") ?? "").slice(0, longestQuery);
    const until = Date.now() / 1_000;
    const since = until - range.days * 86_400;
    const { replica, publish } = job.places;
    using db = readState(replica?.state ?? ownDirectoryOf(publish!));
    const past = db === undefined ? [] : hoursSince(db, since);
    const body = renderPage({
      ...await look(job),
      name: job.name,
      now: until,
      range,
      periods: periodsOf(past, range.hours, since, until),
      newest: db === undefined ? [] : newestFiles(db, shown.newest, query),
      query,
      log: await lastLines(job.log),
      follows: job.log !== "",
    });
    return answer(body, "text/html; charset=utf-8", { policy });
  }

  async #health(): Promise<Response> {
    const told = await Promise.all(this.#jobs.map(async (job) => {
      const stands = await lookOrTell(job);
      const isWell = typeof stands !== "string" &&
        problemsOfJob(stands).length === 0;
      const text = typeof stands === "string" ? stands : sayJob(stands);
      return {
        isWell,
        line: job.name === null ? text : `${job.name}: ${text}`,
      };
    }));
    const status = told.every(({ isWell }) => isWell) ? 200 : 503;
    return plain(status, told.map(({ line }) => line).join("\n"));
  }

  async #metrics(): Promise<Response> {
    const looked = await Promise.all(this.#jobs.map(async (job) => ({
      job,
      view: await lookOrTell(job),
    })));
    const all = looked.flatMap(({ job, view }) =>
      typeof view === "string" ? [] : figuresOf(job, view)
    );
    if (all.length === 0) {
      const why = looked.map(({ view }) => view).find((view) =>
        typeof view === "string"
      );
      return plain(503, why ?? "No pass has run yet.");
    }
    return answer(
      formatAll(all),
      "text/plain; version=0.0.4; charset=utf-8",
    );
  }

  #log({ log }: SiteJob, method: string): Response {
    if (log === "") return plain(404, "No log is kept: log.file is empty.");
    if (method === "HEAD") return answer(null, "text/event-stream");
    if (this.#streams >= mostStreams) {
      return plain(503, "Too many clients follow the log; close one of them.");
    }
    this.#streams++;
    const stream = streamLog(log, this.#signal, () => this.#streams--);
    return answer(stream, "text/event-stream");
  }
}

function look({ places, limits }: SiteJob): Promise<JobView> {
  return lookAtJob(places, { ...shown, limits });
}

/** One job that cannot be looked at must not hide the others. */
async function lookOrTell(job: SiteJob): Promise<JobView | string> {
  try {
    return await look(job);
  } catch (error) {
    if (!(error instanceof RelaisError)) throw error;
    return describe(error);
  }
}

/** The figures of a job; where one is replica and publisher, they differ by a label. */
function figuresOf(
  { name }: SiteJob,
  { replica, publisher }: JobView,
): Labelled[] {
  const job: Record<string, string> = name === null ? {} : { job: name };
  const isBoth = replica !== undefined && publisher !== undefined;
  const ofPublisher = isBoth ? { ...job, role: "publisher" } : job;
  return [
    { snapshot: replica?.snapshot, labels: job },
    { snapshot: publisher?.snapshot, labels: ofPublisher },
  ].flatMap(({ snapshot, labels }) =>
    snapshot === undefined ? [] : [{ snapshot, labels }]
  );
}

async function lastLines(path: string) {
  if (path === "") return "No log is kept: log.file is empty.";
  try {
    return await Array.fromAsync(readLog(path, { lines: firstLines }));
  } catch (error) {
    if (!(error instanceof RelaisError)) throw error;
    return describe(error);
  }
}
