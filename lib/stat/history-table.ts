/**
 * relais stat --since: what passes came to, by step of time.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import { csvHeader, csvLine } from "./csv.ts";
import { type Period, periodOfPass, periodsOf, sum } from "./periods.ts";
import { narrow, spark } from "./spark.ts";
import type { Step } from "./step.ts";
import { readState } from "../state/database.ts";
import { firstHour, hoursSince, passesSince } from "../state/history.ts";
import { type Column, formatColumns } from "../cli/columns.ts";
import {
  formatBytes,
  formatCount,
  formatMinute,
  formatSeconds,
} from "../text/human.ts";
import type { Output } from "../cli/output.ts";

export interface HistoryArguments {
  readonly json: boolean;
  readonly csv: boolean;
  /** Milliseconds. */
  readonly since: number;
  readonly by: Step | undefined;
}

/** A table by the hour is no longer than this. */
const longestByHourMs = 2 * 86_400_000;

/** So much of the time before the first pass is shown, in seconds: a year. */
const longestEmpty = 366 * 86_400;

/** Columns of a chart where there is no terminal. */
const chartWidth = 60;

/** Whose history it is. */
export interface Past {
  /** Directory of the state. */
  readonly state: string;
  /** True if it is that of a publisher, which has no server and no lag. */
  readonly publishes: boolean;
}

/** Shows the history of the last `since` milliseconds. */
export function history(
  { state, publishes }: Past,
  { json, csv, since: ago, by }: HistoryArguments,
  output: Output,
): void {
  const until = Date.now() / 1_000;
  const step = by ?? (ago > longestByHourMs ? "day" : "hour");
  using db = readState(state);
  const first = (db && firstHour(db)) ?? until;
  const since = Math.max(until - ago / 1_000, first - longestEmpty);
  const periods = readPeriods(db, step, since, until);
  if (csv) {
    output.text([csvHeader, ...periods.map(csvLine)].join("\n"));
  } else if (json) {
    output.json({ since, until, by: step, total: sum(periods), periods });
  } else {
    const lines = [
      ...charts(
        readPeriods(db, "hour", since, until, { gaps: true }),
        until,
        publishes,
      ),
      "",
      ...table(periods, publishes),
    ];
    for (const line of lines) output.result(line);
  }
}

/** Returns the periods in which there was a pass; with `gaps` the others as well. */
function readPeriods(
  db: DatabaseSync | undefined,
  step: Step,
  since: number,
  until: number,
  { gaps } = { gaps: false },
): Period[] {
  if (db === undefined) return [];
  if (step === "pass") return [...passesSince(db, since)].map(periodOfPass);
  const hours = step === "hour" ? 1 : 24;
  return periodsOf(hoursSince(db, since), hours, since, until)
    .filter(({ passes }) => gaps || passes > 0);
}

/** Some lines on the whole: what it came to, and how it was spread. */
function charts(
  periods: readonly Period[],
  until: number,
  publishes: boolean,
): string[] {
  const total = sum(periods);
  const [one, more, done] = publishes
    ? ["run", "runs", "published"]
    : ["pass", "passes", "copied"];
  if (total.passes === 0) return [`No ${one} in this time.`];
  const columns = narrow(periods, widthOfCharts());
  const most = (figure: (period: Period) => number) =>
    Math.max(...columns.map(figure));
  const rows: [string, (period: Period) => number, string][] = [
    ["files", ({ files }) => files, `${most(({ files }) => files)}`],
    ["bytes", ({ bytes }) => bytes, formatBytes(most(({ bytes }) => bytes))],
    [
      "failures",
      ({ failures }) => failures,
      `${most(({ failures }) => failures)}`,
    ],
  ];
  if (!publishes) {
    const lag = ({ lag_seconds }: Period) => lag_seconds;
    rows.push(["lag", lag, formatSeconds(most(lag))]);
  }
  const from = columns[0]!.start;
  const width = Math.round(periods.length / columns.length);
  return [
    `${formatCount(total.passes, one, more)}, ${total.bad} failed; ${
      formatCount(total.files, "file")
    } ${done}, ${formatBytes(total.bytes)}; ${
      formatCount(total.failures, "failure")
    }${publishes ? "" : `; longest lag ${formatSeconds(total.lag_seconds)}`}.`,
    "",
    ...rows.map(([name, figure, top]) =>
      `${name.padEnd(8)} |${spark(columns, figure)}| ${top} at most`
    ),
    `${" ".repeat(9)}${formatMinute(from)} to ${
      formatMinute(until)
    }, a column for ${width} h`,
  ];
}

/** Leaves room for the name before and the figure after. */
function widthOfCharts(): number {
  if (!Deno.stdout.isTerminal()) return chartWidth;
  return Math.max(10, Math.min(120, Deno.consoleSize().columns - 30));
}

function table(periods: readonly Period[], publishes: boolean): string[] {
  if (periods.length === 0) return [];
  const shown = columns.map(({ of }) => !publishes || of === "both");
  const rows = periods.map((period) => [
    formatMinute(period.start),
    period.servers.join(" ") || "none",
    String(period.passes),
    String(period.bad),
    String(period.files),
    formatBytes(period.bytes),
    String(period.failures),
    formatSeconds(period.lag_seconds),
    formatSeconds(Math.round(period.seconds * 10) / 10),
  ]);
  const isShown = (_: unknown, index: number) => shown[index]!;
  return formatColumns(
    columns.filter(isShown),
    rows.map((cells) => cells.filter(isShown)),
  );
}

/** What a publisher has not is of the replica alone. */
const columns: readonly (Column & { readonly of: "both" | "replica" })[] = [
  { name: "from", align: "left", of: "both" },
  { name: "server", align: "left", of: "replica" },
  { name: "passes", align: "right", of: "both" },
  { name: "failed", align: "right", of: "both" },
  { name: "files", align: "right", of: "both" },
  { name: "bytes", align: "right", of: "both" },
  { name: "failures", align: "right", of: "both" },
  { name: "longest lag", align: "right", of: "replica" },
  { name: "took", align: "right", of: "both" },
];
