/**
 * A pass in a few sentences: what came of it, and what is not as it should be.
 *
 * @module
 */

import type { PassReport, PlannedAction } from "../state/pass-report.ts";
import type { Probed } from "../test-server/operations.ts";
import type { PassOutcome } from "./pass.ts";
import { tellNotFiles } from "../list/not-files.ts";
import {
  formatBytes,
  formatCount,
  formatMinute,
  formatSeconds,
} from "../text/human.ts";

/** Of shorter passes most was spent on other things than copying. */
const shortestForRate = 1;

/** How a pass is summarised. */
export interface SummaryOptions {
  /** True to say why what failed did: where nothing else tells it with each pass. @default false */
  readonly reasons?: boolean;
  /** @default Date.now() */
  readonly now?: number;
}

/** Returns the sentences; the first one says most. */
export function summarise(
  { report, probed }: Pick<PassOutcome, "report" | "probed">,
  { reasons = false, now = Date.now() }: SummaryOptions = {},
): string[] {
  const { server, plan } = report;
  if (server === null) return [whyNone(probed, reasons)];
  if (plan !== undefined) return [planned(server, plan)];
  return [
    done(server, report),
    ...reused(report),
    ...notFiles(report),
    ...failed(report, reasons),
    ...reasons ? report.errors.map((error) => `${error}.`) : [],
    ...behind(report),
    ...elsewhere(probed, now),
  ];
}

function whyNone({ probes }: Probed, reasons: boolean): string {
  if (probes.length === 0) {
    return "Stopped before the servers were probed; nothing was changed.";
  }
  const verdicts = probes.map(({ server, verdict, failure }) =>
    `${server} is ${verdict}${
      reasons && failure !== null ? ` (${failure.message})` : ""
    }`
  );
  return `No server is available: ${
    verdicts.join(", ")
  }. The copy stays as it is.`;
}

function planned(server: string, plan: readonly PlannedAction[]): string {
  const copies = plan.filter(({ action }) => action === "copy");
  const removals = plan.length - copies.length;
  const bytes = copies.reduce((sum, { size }) => sum + size, 0);
  return `A pass would copy ${
    formatCount(copies.length, "file")
  } from ${server} (${formatBytes(bytes)})${
    removals === 0 ? "" : ` and remove ${removals} here`
  }.`;
}

function done(
  server: string,
  { copied, adopted, removed, bytes, failed, errors, seconds }: PassReport,
): string {
  const time = formatSeconds(seconds);
  const rate = copied > 0 && seconds >= shortestForRate
    ? `, ${formatBytes(Math.round(bytes / seconds))}/s`
    : "";
  const what = [
    copied > 0
      ? `Copied ${formatCount(copied, "file")} from ${server}, ${
        formatBytes(bytes)
      }`
      : failed.length + errors.length > 0
      ? `Copied nothing from ${server}`
      : `Nothing new on ${server}`,
    ...adopted > 0
      ? [`found ${formatCount(adopted, "file")} on the replica`]
      : [],
    ...removed > 0
      ? [`removed ${formatCount(removed, "file")} that it withdrew`]
      : [],
  ];
  return `${what.join(", ")}, in ${time}${rate}.`;
}

function reused({ reused }: PassReport): string[] {
  return reused === 0
    ? []
    : [`${formatBytes(reused)} of that were reused from the replica.`];
}

function notFiles({ not_files }: PassReport): string[] {
  const told = tellNotFiles(not_files);
  return told === "" ? [] : [`${told}: "relais list --skipped" names them.`];
}

function failed({ failed }: PassReport, reasons: boolean): string[] {
  const [first] = failed;
  if (first === undefined) return [];
  const why = reasons ? ` (${first.error})` : "";
  return [
    `${
      formatCount(failed.length, "file")
    } could not be copied${why}; the next pass tries again.`,
  ];
}

function behind({ lag_seconds: seconds }: PassReport): string[] {
  return seconds === 0
    ? []
    : [`The replica is ${formatSeconds(seconds)} behind.`];
}

/** Files that come from another server than they should are told each time. */
function elsewhere(
  { active, activeSince, reason, probes }: Probed,
  now: number,
): string[] {
  return probes.length === 0 || probes[0]!.server === active
    ? []
    : [`${reason}; files come from ${active} since ${time(activeSince, now)}.`];
}

/** The time of a day, with the date if that is not the last one. */
function time(milliseconds: number, now: number): string {
  const text = formatMinute(milliseconds / 1_000);
  return now - milliseconds < 12 * 3_600_000
    ? text.slice(-"00:00Z".length)
    : text;
}
