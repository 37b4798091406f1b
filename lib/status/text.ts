/**
 * How things stand, as a person reads it in a terminal.
 *
 * @module
 */

import { tellNotFiles } from "../list/not-files.ts";
import type { Ended, PastPass, PastRun } from "../state/history.ts";
import { tellObstacle } from "../state/sets.ts";
import type { ClusterSeen, NodeSeen } from "../state/shared-view.ts";
import type { Disk } from "./disk.ts";
import type { Problem } from "./health.ts";
import type { Aspect } from "./job.ts";
import type { JudgedJob } from "./jobs.ts";
import type { PublisherSituation } from "./publisher.ts";
import { tellRepublished } from "./republished.ts";
import { tellList } from "./server-list.ts";
import type { ServerSituation, Situation } from "./situation.ts";
import { type Column, formatColumns } from "../cli/columns.ts";
import {
  formatAge,
  formatBytes,
  formatDate,
  formatSeconds,
} from "../text/human.ts";

/** Returns the lines of `relais status` that are about a replica. */
export function statusLines(aspect: Aspect<Situation>): string[] {
  const { situation } = aspect;
  return [
    ...heading(aspect),
    ...firstSteps(situation.passes, "relais --once"),
    ...overview(situation),
    ...section("Servers", serverLines(situation)),
    ...section(nodesTitle(situation), nodeLines(situation)),
    ...section(failingTitle(situation), failingLines(situation)),
    ...section("Sets that wait, not shown", heldLines(situation)),
    ...section("Last passes", table(passColumns, situation.passes)),
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
    ...firstSteps(situation.runs, "relais publish --once"),
    ...publisherOverview(situation),
    ...section(title, failedLines(situation)),
    ...section("Last runs", table(runColumns, situation.runs)),
  ];
}

/** Returns a line for each of several jobs. */
export function jobLines(jobs: readonly JudgedJob[]): string[] {
  return [
    ...table(jobColumns, jobs),
    "",
    "For details of one job: relais status --job NAME.",
  ];
}

const jobColumns: readonly Told<JudgedJob>[] = [
  left("job", ({ name }) => name),
  left("state", ({ problems }) => verdictOf(problems)),
  left("how", ({ summary }) => summary),
];

function verdictOf(problems: readonly Problem[]): string {
  return problems.length === 0 ? "OK" : "PROBLEM";
}

/** The verdict, and a line without anything. */
function heading({ problems, summary }: Aspect<unknown>): string[] {
  return [`${verdictOf(problems)}: ${summary}.`, ""];
}

/** What to do where nothing has run yet. */
function firstSteps(ran: readonly unknown[], command: string): string[] {
  return ran.length > 0
    ? []
    : [`Next: run "relais check", then "${command}".`, ""];
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
  const { republished } = situation;
  if (republished !== null) {
    facts.push(["Republished", tellRepublished(republished, now)]);
  }
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
  return `${formatDate(next * 1_000)}, in ${formatAge(next, now)}`;
}

function serverLines({ servers, now, probed }: Situation): string[] {
  if (servers.length === 0) return [];
  const lines = table(serverColumns(now), servers);
  const errors = servers.flatMap(({ name, error }) =>
    error === null ? [] : [`${name}: ${error}`]
  );
  return [...lines, ...errors, `Probed ${formatAge(now, probed)} ago.`];
}

function nodesTitle({ cluster }: Situation): string {
  return cluster === null
    ? ""
    : `Nodes of ${cluster.name}, term ${cluster.term}`;
}

function nodeLines({ cluster, now }: Situation): string[] {
  if (cluster === null) return [];
  const { nodes, node, seen } = cluster;
  return [
    ...table(nodeColumns(cluster), nodes),
    `Seen from ${node} ${formatAge(now, seen)} ago.`,
  ];
}

function nodeColumns({ seen }: ClusterSeen): Told<NodeSeen>[] {
  return [
    left("node", ({ name }) => name),
    left("", ({ leads }) => leads ? "leads" : ""),
    left(
      "last sign of life",
      ({ silent_seconds }) => `${formatAge(seen, seen - silent_seconds)} ago`,
    ),
    right("batches now", ({ claims }) => claims),
    right("copied", ({ copied }) => copied),
    right("bytes", ({ bytes }) => formatBytes(bytes)),
    right("files/s", ({ files_per_second }) => files_per_second),
  ];
}

function serverColumns(now: number): Told<ServerSituation>[] {
  return [
    left("server", ({ name }) => name),
    left("verdict", ({ verdict }) => verdict),
    left("", ({ active }) => active ? "active" : ""),
    right("probe", ({ milliseconds }) => `${milliseconds} ms`),
    left("reached", ({ depth }) => depth),
    left("its list", (server) => tellList(server, now)),
  ];
}

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
    ? [...lines, `… and ${more} more: "relais list --failed" names all`]
    : lines;
}

function heldLines({ held }: Situation): string[] {
  return held.map((each) => `${each.set}: ${tellObstacle(each)}`);
}

/** A column, and the text of its cell in each row. */
interface Told<Row> extends Column {
  tell(row: Row): string;
}

function table<Row>(
  columns: readonly Told<Row>[],
  rows: readonly Row[],
): string[] {
  if (rows.length === 0) return [];
  const cells = rows.map((row) => columns.map((column) => column.tell(row)));
  return formatColumns(columns, cells);
}

function left<Row>(name: string, tell: (row: Row) => string): Told<Row> {
  return { name, align: "left", tell };
}

function right<Row>(
  name: string,
  tell: (row: Row) => string | number,
): Told<Row> {
  return { name, align: "right", tell: (row) => String(tell(row)) };
}

/** Columns of passes and runs alike. */
const started = left<Ended>(
  "started",
  (ended) => formatDate(ended.started * 1_000),
);
const exit = right<Ended>("exit", ({ exit }) => exit);
const bytes = right<Ended>("bytes", ({ bytes }) => formatBytes(bytes));
const failed = right<Ended>("failed", ({ failures }) => failures);
const took = right<Ended>("took", ({ seconds }) => formatSeconds(seconds));

const passColumns: readonly Told<PastPass>[] = [
  started,
  exit,
  left("server", ({ server }) => server ?? "none"),
  right("files", ({ copied }) => copied),
  bytes,
  failed,
  right("lag", ({ lag_seconds }) => formatSeconds(lag_seconds)),
  took,
];

const runColumns: readonly Told<PastRun>[] = [
  started,
  exit,
  right("published", ({ published }) => published),
  bytes,
  right("withdrawn", ({ withdrawn }) => withdrawn),
  right("unchanged", ({ unchanged }) => unchanged),
  failed,
  took,
];

function tellOwnList(
  { generation, writer, size, renewed }: NonNullable<
    PublisherSituation["list"]
  >,
  now: number,
): string {
  return `renewed ${formatAge(now, renewed)} ago, ${
    formatBytes(size)
  }, generation ${generation}, writer ${writer ?? "unknown"}`;
}

function failedLines({ failing, failed }: PublisherSituation): string[] {
  const lines = failing.map(({ path, error }) => `${path}: ${error}`);
  const more = failed - failing.length;
  return more > 0 ? [...lines, `… and ${more} more`] : lines;
}

function section(title: string, lines: readonly string[]): string[] {
  if (lines.length === 0) return [];
  return ["", title, ...lines.map((line) => `  ${line}`)];
}
