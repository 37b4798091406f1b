/**
 * The history as CSV (RFC 4180), for a spreadsheet or a script.
 *
 * @module
 */

import type { Period } from "./periods.ts";

const columns = [
  "start",
  "servers",
  "passes",
  "bad",
  "files",
  "bytes",
  "wire_bytes",
  "removed",
  "failures",
  "seconds",
  "lag_seconds",
] as const satisfies readonly (keyof Period)[];

/** The first line; it names the columns. */
export const csvHeader = columns.join(",");

/** Returns one period as a line, without line end. */
export function csvLine(period: Period): string {
  return columns.map((column) => {
    const value = period[column];
    if (column === "start") {
      return new Date(period.start * 1_000).toISOString();
    }
    // The name of a server holds no comma, quote or space.
    if (typeof value === "object") return value.join(" ");
    return Number(value.toFixed(3));
  }).join(",");
}
