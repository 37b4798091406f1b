/**
 * The health of a replica, or a publisher, as a Nagios plugin says it, for Icinga, Checkmk and
 * the others as well.
 *
 * Format: https://nagios-plugins.org/doc/guidelines.html.
 *
 * @module
 */

import { escapeVisible } from "../text/escape.ts";
import {
  type HealthLimits,
  lastEnd,
  type Problem,
  sayHealth,
} from "./health.ts";
import type { JobView } from "./job.ts";
import type { PublisherSituation } from "./publisher.ts";
import type { Situation } from "./situation.ts";

/** Exit statuses of a plugin. */
const nagiosStatus = { OK: 0, WARNING: 1, CRITICAL: 2, UNKNOWN: 3 };

type State = keyof typeof nagiosStatus;

/** From the state that is told first to the one that is told last. */
const gravity: readonly State[] = ["CRITICAL", "UNKNOWN", "WARNING", "OK"];

/** A line of text, and the status that goes with it. */
export interface NagiosResult {
  readonly line: string;
  readonly status: number;
}

/** The state of one of several things. */
export interface NagiosPart {
  readonly state: State;
  readonly text: string;
  /** Performance data: `label=value[unit];warning;critical;minimum;maximum`. */
  readonly performance: readonly string[];
}

/** Returns what a plugin prints and exits with: the state of the worst part, which is also told first. */
export function formatNagios(parts: readonly NagiosPart[]): NagiosResult {
  const worstFirst = parts.toSorted((a, b) =>
    gravity.indexOf(a.state) - gravity.indexOf(b.state)
  );
  const { state } = worstFirst[0]!;
  const text = worstFirst.map((part) => plain(part.text)).join("; ");
  const performance = parts.flatMap((part) => part.performance);
  const data = performance.length === 0 ? "" : ` | ${performance.join(" ")}`;
  return {
    line: `RELAIS ${state} - ${text}${data}`,
    status: nagiosStatus[state],
  };
}

/** Returns the part of something that could not be examined. */
export function unknownPart(why: string): NagiosPart {
  return { state: "UNKNOWN", text: why, performance: [] };
}

/** Returns the parts of one job. */
export function partsOf(
  { replica, publisher }: JobView,
  limits: HealthLimits,
): NagiosPart[] {
  return [
    ...replica === undefined
      ? []
      : [replicaPart(replica.situation, replica.problems, limits)],
    ...publisher === undefined ? [] : [{
      state: stateOf(publisher.problems),
      text: publisher.summary,
      performance: publisherData(publisher.situation, limits),
    }],
  ];
}

/** Puts the name of a job before what is said of it. */
export function ofJob(
  job: string,
  { state, text, performance }: NagiosPart,
): NagiosPart {
  return {
    state,
    text: `${job}: ${text}`,
    performance: performance.map((datum) => `${job}_${datum}`),
  };
}

/** Returns the part of a replica. */
export function replicaPart(
  situation: Situation,
  problems: readonly Problem[],
  limits: HealthLimits,
): NagiosPart {
  return {
    state: stateOf(problems),
    text: sayHealth(situation, problems),
    performance: replicaData(situation, limits),
  };
}

function stateOf([gravest]: readonly Problem[]): State {
  if (gravest === undefined) return "OK";
  return gravest.gravity === "warning" ? "WARNING" : "CRITICAL";
}

function replicaData(
  situation: Situation,
  { maxAgeMs, maxLagMs }: HealthLimits,
): string[] {
  const { now, lag_seconds, pending, failed, here, bytes, disk } = situation;
  const mostLag = maxLagMs === undefined ? "" : maxLagMs / 1_000;
  // Of a replica that has not run yet, nothing tells how late it is.
  const lag = situation.passes.length === 0 ? "U" : `${lag_seconds}s`;
  return [
    `lag=${lag};;${mostLag};0`,
    `age=${ageOf(lastEnd(situation.passes, situation.last_success), now)};;${
      maxAgeMs / 1_000
    };0`,
    `pending=${pending};;;0`,
    `failed=${failed};0;;0`,
    `files=${here};;;0`,
    `bytes=${bytes}B;;;0`,
    ...(disk === null ? [] : [`free=${disk.free}B;;;0;${disk.total}`]),
  ];
}

/** The labels differ from those of a replica: a machine may be both. */
function publisherData(
  situation: PublisherSituation,
  { maxAgeMs }: HealthLimits,
): string[] {
  const { now, list, files, failed, disk } = situation;
  const ended = lastEnd(situation.runs, situation.last_success);
  return [
    `publish_age=${ageOf(ended, now)};;${maxAgeMs / 1_000};0`,
    `publish_list_age=${ageOf(list?.renewed ?? null, now)};;;0`,
    `publish_failed=${failed};0;;0`,
    `publish_files=${files ?? "U"};;;0`,
    ...(disk === null ? [] : [`publish_free=${disk.free}B;;;0;${disk.total}`]),
  ];
}

/** "U": the value is not known. */
function ageOf(ended: number | null, now: number): string {
  return ended === null ? "U" : `${Math.max(0, Math.round(now - ended))}s`;
}

/** The bar separates text from performance data. */
function plain(text: string): string {
  return escapeVisible(text).replaceAll("|", "/");
}
