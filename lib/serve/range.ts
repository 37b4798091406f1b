/**
 * The times that the plots of the page can show.
 *
 * @module
 */

import type { Hours } from "../stat/step.ts";

/** One of them. */
export interface Range {
  /** Its name in the address of the page. */
  readonly name: string;
  /** For the link that leads to it. */
  readonly label: string;
  readonly days: number;
  /** The width of a bar. */
  readonly hours: Hours;
  /** Period of one bar. */
  readonly each: string;
}

/** All of them; no plot has more than some 370 bars. */
export const ranges = [
  { name: "day", label: "24 hours", days: 1, hours: 1, each: "an hour" },
  { name: "week", label: "7 days", days: 7, hours: 1, each: "an hour" },
  { name: "month", label: "30 days", days: 30, hours: 6, each: "6 hours" },
  { name: "year", label: "365 days", days: 365, hours: 24, each: "a day" },
] as const satisfies readonly Range[];

/** Returns the range of this name, or the one that is shown first. */
export function rangeNamed(name: string | null): Range {
  return ranges.find((range) => range.name === name) ?? ranges[1];
}
