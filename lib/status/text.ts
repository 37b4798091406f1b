/**
 * How things stand, as a person reads it in a terminal.
 *
 * @module
 */

import { tellNotFiles } from "../list/not-files.ts";
import type { PastPass, PastRun } from "../state/history.ts";
import type { Disk } from "./disk.ts";
import type { Problem } from "./health.ts";
import type { Aspect } from "./job.ts";
import type { JudgedJob } from "./jobs.ts";
import type { PublisherSituation } from "./publisher.ts";
import { tellList } from "./server-list.ts";
import type { Situation } from "./situation.ts";
import { type Column, formatColumns } from "../cli/columns.ts";
import { formatBytes, formatDate, formatSeconds } from "../text/human.ts";

/** Returns the lines of `relais status` that are about a replica. */
export function statusLines(aspect: Aspect<Situation>): string[] {
  const { situation } = aspect;
  return [
    ...heading(aspect),
    ...overview(situation),
    ...section("Servers", serverLines(situation)),
    ...section(failingTitle(situation), failingLines(situation)),
    ...section("Last passes", passLines(situation.passes)),
  ];
}

/** Returns the lines of `relais status` that are about a publisher. */
export function publisherLines(aspect: Aspect<PublisherSituation>): string[] {
  const { situation } = aspect;
  const title = situation.next_run === null
    ? "Failed files, tried again by the next run"
    : `Failed files, tried again at ${formatDate(situation.next_run * 1_000)}`;
  return [
    ...heading(aspect),
    ...publisherOverview(situation),
    ...section(title, failedLines(situation)),
    ...section("Last runs", runLines(situation.runs)),
  ];
}

/** Returns a line for each of several jobs. */
export function jobLines(jobs: readonly JudgedJob[]): string[] {
  const rows = jobs.map(({ name, problems, summary }) => [
    name,
    verdictOf(problems),
    summary,
  ]);
  return [
    ...formatColumns(jobColumns, rows),
    "",
    "For details of one job: relais status --job NAME.",
  ];
}

const jobColumns: readonly Column[] = [
  { name: "job", align: "left" },
  { name: "state", align: "left" },
  { name: "how", align: "left" },
];

function verdictOf(problems: readonly Problem[]): string {
  return problems.length === 0 ? "OK" : "PROBLEM";
}

/** The verdict, and a line without anything. */
function heading({ problems, summary }: Aspect<unknown>): string[] {
  return [`${verdictOf(problems)}: ${summary}.`, ""];
}

function overview(situation: Situation): string[] {
  const { active, since, reason, now, here, bytes, disk } = situation;
  const facts: [string, string][] = [
    [
      "Active server",
      active === null
        ? "none yet"
        : `${active}, since ${formatDate(since * 1_000)}: ${reason}`,
    ],
    ["Lag", formatSeconds(situation.lag_seconds)],
    [
      "Files",
      `${here} here, ${
        formatBytes(bytes)
      }; ${situation.pending} waiting; ${situation.failed} failing`,
    ],
    ["Disk", tellDisk(disk)],
  ];
  const skipped = tellNotFiles(situation.not_files);
  if (skipped !== "") facts.push(["Not copied", skipped]);
  const next = situation.next_pass;
  if (next !== null) facts.push(["Next pass", tellNext(next, now)]);
  return factLines(facts);
}

function publisherOverview(situation: PublisherSituation): string[] {
  const { into, list, files, failed, now, disk, next_run } = situation;
  const facts: [string, string][] = [
    ["Published", into],
    ["List", list === null ? "none, or unreadable" : tellOwnList(list, now)],
    [
      "Files",
      `${files ?? "unknown number"} published; ${failed} failed`,
    ],
    ["Disk", tellDisk(disk)],
  ];
  if (next_run !== null) facts.push(["Next run", tellNext(next_run, now)]);
  return factLines(facts);
}

function factLines(facts: readonly [string, string][]): string[] {
  return facts.map(([name, told]) => `${name.padEnd(13)}  ${told}`);
}

function tellDisk(disk: Disk | null): string {
  return disk === null
    ? "nothing there yet"
    : `${formatBytes(disk.free)} of ${formatBytes(disk.total)} free`;
}

function tellNext(next: number, now: number): string {
  const left = formatSeconds(Math.max(0, Math.round(next - now)));
  return `${formatDate(next * 1_000)}, in ${left}`;
}

function serverLines({ servers, now, probed }: Situation): string[] {
  if (servers.length === 0) return [];
  const rows = servers.map((server) => [
    server.name,
    server.verdict,
    server.active ? "active" : "",
    `${server.milliseconds} ms`,
    server.depth,
    tellList(server, now),
  ]);
  const lines = formatColumns(serverColumns, rows);
  const errors = servers.flatMap(({ name, error }) =>
    error === null ? [] : [`${name}: ${error}`]
  );
  const age = formatSeconds(Math.max(0, Math.round(now - probed)));
  return [...lines, ...errors, `Probed ${age} ago.`];
}

const serverColumns: readonly Column[] = [
  { name: "server", align: "left" },
  { name: "verdict", align: "left" },
  { name: "", align: "left" },
  { name: "probe", align: "right" },
  { name: "reached", align: "left" },
  { name: "its list", align: "left" },
];

function failingTitle({ next_pass }: Situation): string {
  return next_pass === null
    ? "Failing files, tried again by the next pass"
    : `Failing files, tried again at ${formatDate(next_pass * 1_000)}`;
}

function failingLines({ failing, failed }: Situation): string[] {
  const lines = failing.map(({ server, path, error }) =>
    `${path} (${server}): ${error}`
  );
  const more = failed - failing.length;
  return more > 0
    ? [...lines, `… and ${more} more: relais list --failed`]
    : lines;
}

function passLines(passes: readonly PastPass[]): string[] {
  if (passes.length === 0) return [];
  const rows = passes.map((pass) => [
    formatDate(pass.started * 1_000),
    String(pass.exit),
    pass.server ?? "none",
    String(pass.copied),
    formatBytes(pass.bytes),
    String(pass.failures),
    formatSeconds(pass.lag_seconds),
    formatSeconds(pass.seconds),
  ]);
  return formatColumns(passColumns, rows);
}

const passColumns: readonly Column[] = [
  { name: "started", align: "left" },
  { name: "exit", align: "right" },
  { name: "server", align: "left" },
  { name: "files", align: "right" },
  { name: "bytes", align: "right" },
  { name: "failed", align: "right" },
  { name: "lag", align: "right" },
  { name: "took", align: "right" },
];

function tellOwnList(
  { generation, writer, size, renewed }: NonNullable<
    PublisherSituation["list"]
  >,
  now: number,
): string {
  const age = formatSeconds(Math.max(0, Math.round(now - renewed)));
  return `renewed ${age} ago, ${
    formatBytes(size)
  }, generation ${generation}, writer ${writer ?? "unknown"}`;
}

function failedLines({ failing, failed }: PublisherSituation): string[] {
  const lines = failing.map(({ path, error }) => `${path}: ${error}`);
  const more = failed - failing.length;
  return more > 0 ? [...lines, `… and ${more} more`] : lines;
}

function runLines(runs: readonly PastRun[]): string[] {
  if (runs.length === 0) return [];
  const rows = runs.map((run) => [
    formatDate(run.started * 1_000),
    String(run.exit),
    String(run.published),
    formatBytes(run.bytes),
    String(run.withdrawn),
    String(run.unchanged),
    String(run.failures),
    formatSeconds(run.seconds),
  ]);
  return formatColumns(runColumns, rows);
}

const runColumns: readonly Column[] = [
  { name: "started", align: "left" },
  { name: "exit", align: "right" },
  { name: "published", align: "right" },
  { name: "bytes", align: "right" },
  { name: "withdrawn", align: "right" },
  { name: "unchanged", align: "right" },
  { name: "failed", align: "right" },
  { name: "took", align: "right" },
];

function section(title: string, lines: readonly string[]): string[] {
  if (lines.length === 0) return [];
  return ["", title, ...lines.map((line) => `  ${line}`)];
}
