/**
 * Small charts for a terminal, one character a period.
 *
 * @module
 */

import { type Period, sum } from "./periods.ts";

const levels = "▁▂▃▄▅▆▇█";

/**
 * Draws one figure of each period. Nothing is drawn where there was no pass,
 * the lowest level stands for 0 alone, and the highest for the most there is.
 */
export function spark(
  periods: readonly Period[],
  figure: (period: Period) => number,
): string {
  const most = Math.max(0, ...periods.map(figure));
  return periods.map((period) => {
    if (period.passes === 0) return " ";
    const value = figure(period);
    if (value <= 0) return levels[0];
    return levels[Math.max(1, Math.ceil(value / most * 8) - 1)];
  }).join("");
}

/** Joins neighbours until there are no more than `width` periods. */
export function narrow(periods: readonly Period[], width: number): Period[] {
  const share = Math.max(1, Math.ceil(periods.length / width));
  const joined: Period[] = [];
  for (let index = 0; index < periods.length; index += share) {
    const group = periods.slice(index, index + share);
    joined.push({
      start: group[0]!.start,
      servers: [...new Set(group.flatMap(({ servers }) => servers))],
      ...sum(group),
    });
  }
  return joined;
}
