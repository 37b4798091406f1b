/**
 * How a publisher stands, and whether that is well: what `relais status`, a
 * monitoring check and the page are made of on a server.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import { exitStatus } from "../errors.ts";
import type { PublishConfig } from "../config/config.ts";
import { formatAge } from "../text/human.ts";
import { parseExtension, parseHeader } from "../list/format.ts";
import type { FailedFile } from "../state/pass-report.ts";
import { ownDirectoryOf } from "../files/own-directory.ts";
import { lastRuns, lastSuccess, type PastRun } from "../state/history.ts";
import {
  ageProblem,
  exitProblem,
  failedProblem,
  gravestFirst,
  type HealthLimits,
  lastEnd,
  type Problem,
} from "./health.ts";
import { type Disk, diskOf } from "./disk.ts";

/** How a publisher stands. Dates are seconds since the epoch. */
export interface PublisherSituation {
  readonly now: number;
  /** The export. */
  readonly into: string;
  /** The list; `null` if there is none. */
  readonly list: {
    readonly generation: string;
    /** Who writes it; `null`: it does not say. */
    readonly writer: string | null;
    /** Bytes. */
    readonly size: number;
    /** When it was last written, or found to be true. */
    readonly renewed: number;
  } | null;
  /** Files that the last run which came to its end found published; `null`: none did. */
  readonly files: number | null;
  /** Sources that the last run could not publish, and the first of them. */
  readonly failed: number;
  readonly failing: readonly FailedFile[];
  /** The youngest first. */
  readonly runs: readonly PastRun[];
  /** When a run last ended with nothing left to do. */
  readonly last_success: number | null;
  /** When the next run is due, as far as is known. */
  readonly next_run: number | null;
  /** The disk of the export, in bytes. */
  readonly disk: Disk | null;
}

export interface PublisherSituationOptions {
  /** Runs and failing files that are named. */
  readonly passes: number;
  readonly failing: number;
  /** When the next run is due, after this last one; both in seconds since the epoch. */
  readonly nextRun: (
    last: PastRun | undefined,
    now: number,
  ) => number | undefined;
}

/** Reads how things stand from the history, of which there is none before the first run, and the export. */
export function readPublisher(
  db: DatabaseSync | undefined,
  publish: Pick<PublishConfig, "into">,
  options: PublisherSituationOptions,
): PublisherSituation {
  const now = Date.now() / 1_000;
  const runs = db === undefined ? [] : lastRuns(db, options.passes);
  const [last] = runs;
  const whole = runs.find(({ exit }) => exit <= exitStatus.incomplete);
  return {
    now,
    into: publish.into,
    list: readList(`${ownDirectoryOf(publish)}/list`),
    files: whole === undefined ? null : whole.published + whole.unchanged,
    failed: last?.failures ?? 0,
    failing: last?.failed.slice(0, options.failing) ?? [],
    runs,
    last_success: db === undefined ? null : lastSuccess(db),
    next_run: options.nextRun(last, now) ?? null,
    disk: diskOf(publish.into),
  };
}

/** The header of a list, and who writes it, are within so many bytes. */
const headBytes = 2_048;

/** A list that cannot be read is as good as none: its readers do not get further either. */
function readList(path: string): PublisherSituation["list"] {
  try {
    using file = Deno.openSync(path);
    const { size, mtime } = file.statSync();
    const head = new Uint8Array(headBytes);
    const text = new TextDecoder().decode(
      head.subarray(0, file.readSync(head) ?? 0),
    );
    const [first = "", second = ""] = text.split("\n");
    const header = parseHeader(first);
    if ("reason" in header) return null;
    const extension = parseExtension(second);
    return {
      generation: header.value.generation,
      writer: extension !== undefined && "writer" in extension
        ? extension.writer
        : null,
      size,
      renewed: (mtime?.getTime() ?? 0) / 1_000,
    };
  } catch {
    // Missing, or out of reach.
    return null;
  }
}

/** Returns what is wrong with a publisher, the gravest first. It has no lag: its replicas know theirs. */
export function publisherProblems(
  situation: PublisherSituation,
  { maxAgeMs }: Pick<HealthLimits, "maxAgeMs">,
): Problem[] {
  const { runs: [last], now, failed, list, into } = situation;
  if (last === undefined) {
    return [{ gravity: "critical", text: "nothing has been published yet" }];
  }
  const problems = [
    ...exitProblem("run", last, failed > 0),
    ...ageProblem(
      "run",
      lastEnd(situation.runs, situation.last_success),
      now,
      maxAgeMs,
    ),
  ];
  if (list === null) {
    problems.push({
      gravity: "critical",
      text: `the list in ${into} is missing or unreadable`,
    });
  }
  return gravestFirst([...problems, ...failedProblem(failed, "published")]);
}

/** Says in one line how a publisher is. */
export function sayPublisher(
  situation: PublisherSituation,
  problems: readonly Problem[],
): string {
  if (problems.length > 0) return problems.map(({ text }) => text).join("; ");
  const { files, now } = situation;
  const ended = lastEnd(situation.runs, situation.last_success)!;
  const published = files === 1 ? "1 file is" : `${files} files are`;
  return `${published} published, last run ${formatAge(now, ended)} ago`;
}
