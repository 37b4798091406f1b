/**
 * What is answered under each address. All of it is read anew for each request;
 * nothing can be written.
 *
 * @module
 */

import type { ReplicaReady } from "../config/config.ts";
import { describe, RelaisError } from "../errors.ts";
import { periodsOf } from "../history/periods.ts";
import { readLog } from "../log/read.ts";
import { readState } from "../state/database.ts";
import { hoursSince } from "../state/history.ts";
import { newestFiles } from "../state/overview.ts";
import { formatPrometheus } from "../stats/prometheus.ts";
import { readSnapshot, snapshotPath } from "../stats/snapshot.ts";
import { type HealthLimits, problemsOf, sayHealth } from "../status/health.ts";
import { nextLoopPass } from "../status/next-pass.ts";
import { readSituation } from "../status/situation.ts";
import { type GateSettings, turnAway } from "./gate.ts";
import { answer, plain } from "./headers.ts";
import { firstLines, streamLog } from "./log-stream.ts";
import { policy, renderPage } from "./page.ts";
import { rangeNamed } from "./range.ts";

/** What a site needs to know. */
export interface SiteSettings {
  readonly config: SiteConfig;
  readonly limits: HealthLimits;
  readonly gate: GateSettings;
}

/** The part of the configuration that matters to a reader: no key, and no server. */
export interface SiteConfig {
  readonly replica: Pick<ReplicaReady["replica"], "into" | "state">;
  readonly everyMs: number;
  /** Path of the log; empty: there is none. */
  readonly log: string;
}

/** What the page names. */
const shown = { passes: 12, failing: 100, newest: 50 };

/** Longer texts are no name of a file. */
const longestQuery = 200;

/** Logs that are followed at the same time. */
const mostStreams = 32;

/** One replica, for browsers and monitors. */
export class Site {
  readonly #settings: SiteSettings;
  readonly #signal: AbortSignal;
  #streams = 0;

  /** Streams end when `signal` aborts. */
  constructor(settings: SiteSettings, signal: AbortSignal) {
    this.#settings = settings;
    this.#signal = signal;
  }

  /** Answers a request. */
  async handle(request: Request): Promise<Response> {
    const away = turnAway(request, this.#settings.gate);
    if (away !== undefined) return away;
    const url = new URL(request.url);
    try {
      switch (url.pathname) {
        case "/":
          return await this.#page(url.searchParams);
        case "/healthz":
          return await this.#health();
        case "/metrics":
          return await this.#metrics();
        case "/log":
          return this.#log(request.method);
        default:
          return plain(404, "There is nothing here; see /");
      }
    } catch (error) {
      if (!(error instanceof RelaisError)) throw error;
      return plain(503, describe(error));
    }
  }

  async #page(asked: URLSearchParams): Promise<Response> {
    const { config } = this.#settings;
    const range = rangeNamed(asked.get("range"));
    const query = (asked.get("q") ?? "").slice(0, longestQuery);
    const until = Date.now() / 1_000;
    const since = until - range.days * 86_400;
    using db = readState(config.replica.state);
    const past = db === undefined ? [] : hoursSince(db, since);
    const body = renderPage({
      ...await this.#look(db),
      range,
      periods: periodsOf(past, range.hours, since, until),
      newest: db === undefined ? [] : newestFiles(db, shown.newest, query),
      query,
      log: await lastLines(config.log),
      follows: config.log !== "",
    });
    return answer(body, "text/html; charset=utf-8", { policy });
  }

  async #health(): Promise<Response> {
    using db = readState(this.#settings.config.replica.state);
    const { situation, problems } = await this.#look(db);
    const status = problems.length === 0 ? 200 : 503;
    return plain(status, sayHealth(situation, problems));
  }

  async #metrics(): Promise<Response> {
    const { snapshot } = await this.#snapshot();
    if (snapshot === undefined) return plain(503, "No pass has been run yet.");
    return answer(
      formatPrometheus(snapshot),
      "text/plain; version=0.0.4; charset=utf-8",
    );
  }

  #log(method: string): Response {
    const { log } = this.#settings.config;
    if (log === "") return plain(404, "No log is kept: log.file is empty.");
    if (method === "HEAD") return answer(null, "text/event-stream");
    if (this.#streams >= mostStreams) {
      return plain(503, "Too many logs are followed already.");
    }
    this.#streams++;
    const stream = streamLog(log, this.#signal, () => this.#streams--);
    return answer(stream, "text/event-stream");
  }

  async #look(db: ReturnType<typeof readState>) {
    const { config, limits } = this.#settings;
    const { snapshot } = await this.#snapshot();
    const situation = readSituation(db, config.replica, {
      ...shown,
      nextPass: (last, now) =>
        nextLoopPass(snapshot, last, config.everyMs, now),
    });
    return { situation, problems: problemsOf(situation, limits), snapshot };
  }

  #snapshot() {
    return readSnapshot(snapshotPath(this.#settings.config.replica.state));
  }
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
