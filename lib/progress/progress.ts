/**
 * How far a pass is, as lines that fit a terminal: the module at work, and
 * while files are copied a bar.
 *
 * @module
 */

import type { Backlog } from "../state/left.ts";
import { formatBytes, formatSeconds } from "../text/human.ts";
import { pad, widthOf } from "../cli/width.ts";

/** What there is to say of a pass at one moment. */
export type Progress =
  | { readonly module: "test-server" }
  | {
    readonly module: "synchro-list";
    readonly server: string;
    /** Entries and bytes of the list read so far. */
    readonly entries: number;
    readonly bytes: number;
  }
  | {
    readonly module: "copy-list";
    readonly server: string;
    /** What was wanted at the beginning. */
    readonly wanted: Backlog;
    /** Files and bytes that are here by now. */
    readonly files: number;
    readonly bytes: number;
    readonly bytesPerSecond: number;
  };

/** Columns of what a line begins with: the longest name of a module, and a space or two. */
const labelColumns = 14;

/** Where there are fewer columns, lines do without that. */
const narrow = 44;

/** Renders `progress` as lines of at most `columns`. */
export function renderProgress(progress: Progress, columns: number): string[] {
  const { module } = progress;
  switch (module) {
    case "test-server":
      return [line(module, ["asking the servers"], columns)];
    case "synchro-list": {
      const { server, entries, bytes } = progress;
      const read = entries === 0
        ? formatBytes(bytes)
        : `${entries} entries, ${formatBytes(bytes)}`;
      return [line(module, [`list of ${server}`, read], columns)];
    }
    case "copy-list":
      return [
        line(module, figures(progress), columns),
        bar(progress, columns),
      ];
  }
}

type Copying = Extract<Progress, { module: "copy-list" }>;

/** What matters most comes first: it is what stays on a narrow terminal. */
function figures({ wanted, files, bytes, bytesPerSecond }: Copying): string[] {
  const left = Math.max(0, wanted.bytes - bytes);
  const seconds = Math.ceil(left / bytesPerSecond);
  return [
    `${files} of ${wanted.pending} files`,
    `${formatBytes(bytes)} of ${formatBytes(wanted.bytes)}`,
    `${formatBytes(Math.round(bytesPerSecond))}/s`,
    ...left > 0 && Number.isFinite(seconds)
      ? [`${formatSeconds(seconds)} left`]
      : [],
  ];
}

/** As many of `parts`, from the first, as there is room for. */
function line(
  module: string,
  parts: readonly string[],
  columns: number,
): string {
  const label = columns < narrow ? "" : pad(module, labelColumns);
  const fitting = (count: number) => label + parts.slice(0, count).join(", ");
  let count = parts.length;
  while (count > 1 && widthOf(fitting(count)) > columns) count--;
  return fitting(count);
}

function bar(copying: Copying, columns: number): string {
  const { server, wanted: { lagSeconds } } = copying;
  const share = shareOf(copying);
  const label = columns < narrow ? "" : pad(server, labelColumns - 1) + " ";
  const percent = ` ${String(Math.floor(share * 100)).padStart(3)} %`;
  const lag = columns < narrow || lagSeconds < 1
    ? ""
    : `, lag ${formatSeconds(Math.round(lagSeconds))}`;
  const room = columns - widthOf(label + percent + lag) - 2;
  if (room < 1) return percent.trim();
  const done = Math.floor(share * room);
  return `${label}[${"#".repeat(done)}${
    ".".repeat(room - done)
  }]${percent}${lag}`;
}

/** By bytes; of empty files by their number. */
function shareOf({ wanted, files, bytes }: Copying): number {
  const [done, all] = wanted.bytes > 0
    ? [bytes, wanted.bytes]
    : [files, wanted.pending];
  return all === 0 ? 1 : Math.min(1, done / all);
}

/** What a pass is doing. Figures that change all the time are in the stats block. */
export type Stage =
  | { readonly module: "test-server" }
  | { readonly module: "synchro-list"; readonly server: string }
  | {
    readonly module: "copy-list";
    readonly server: string;
    /** What was wanted when copying began. */
    readonly backlog: Backlog;
  };
