/**
 * The health of a replica as a Nagios plugin says it, for Icinga, Checkmk and
 * the others as well.
 *
 * Format: https://nagios-plugins.org/doc/guidelines.html.
 *
 * @module
 */

import { escapeVisible } from "../escape.ts";
import {
  type HealthLimits,
  lastEnd,
  type Problem,
  sayHealth,
} from "./health.ts";
import type { Situation } from "./situation.ts";

/** What a plugin exits with. */
export const nagiosStatus = { OK: 0, WARNING: 1, CRITICAL: 2, UNKNOWN: 3 };

/** A line of text, and the status that goes with it. */
export interface NagiosResult {
  readonly line: string;
  readonly status: number;
}

/** Returns what a plugin prints and exits with. */
export function toNagios(
  situation: Situation,
  problems: readonly Problem[],
  limits: HealthLimits,
): NagiosResult {
  const gravity = problems[0]?.gravity;
  const state = gravity === undefined
    ? "OK"
    : gravity === "warning"
    ? "WARNING"
    : "CRITICAL";
  return {
    line: `RELAIS ${state} - ${plain(sayHealth(situation, problems))} | ${
      performance(situation, limits)
    }`,
    status: nagiosStatus[state],
  };
}

/** What a plugin says that could not find out. */
export function unknownToNagios(why: string): NagiosResult {
  return {
    line: `RELAIS UNKNOWN - ${plain(why)}`,
    status: nagiosStatus.UNKNOWN,
  };
}

/** Performance data: `label=value[unit];warning;critical;minimum;maximum`. */
function performance(
  situation: Situation,
  { maxAgeMs, maxLagMs }: HealthLimits,
): string {
  const { now, lag_seconds, pending, failed, here, bytes, disk } = situation;
  const ended = lastEnd(situation);
  // "U": the value is not known.
  const age = ended === null ? "U" : `${Math.max(0, Math.round(now - ended))}s`;
  const mostLag = maxLagMs === undefined ? "" : maxLagMs / 1_000;
  return [
    `lag=${lag_seconds}s;;${mostLag};0`,
    `age=${age};;${maxAgeMs / 1_000};0`,
    `pending=${pending};;;0`,
    `failed=${failed};0;;0`,
    `files=${here};;;0`,
    `bytes=${bytes}B;;;0`,
    ...(disk === null ? [] : [`free=${disk.free}B;;;0;${disk.total}`]),
  ].join(" ");
}

/** The bar separates text from performance data. */
function plain(text: string): string {
  return escapeVisible(text).replaceAll("|", "/");
}
