/**
 * The history, added up by step.
 *
 * @module
 */

import type { PastHour, PastPass, Sums } from "../state/history.ts";
import { beginOf, beginsOf, type Hours } from "./step.ts";

/** What the passes of one period came to. */
export interface Period extends Sums {
  /** Its beginning, in seconds since the epoch. */
  readonly start: number;
  /** The servers that files were taken from. */
  readonly servers: readonly string[];
}

const none: Sums = {
  passes: 0,
  bad: 0,
  files: 0,
  bytes: 0,
  wire_bytes: 0,
  removed: 0,
  failures: 0,
  seconds: 0,
  lag_seconds: 0,
};

/** Adds several up. */
export function sum(all: Iterable<Sums>): Sums {
  const total = { ...none };
  for (const each of all) {
    total.passes += each.passes;
    total.bad += each.bad;
    total.files += each.files;
    total.bytes += each.bytes;
    total.wire_bytes += each.wire_bytes;
    total.removed += each.removed;
    total.failures += each.failures;
    total.seconds += each.seconds;
    total.lag_seconds = Math.max(total.lag_seconds, each.lag_seconds);
  }
  return total;
}

/**
 * Adds hours up by step; every step from `since` to `until` is there, those
 * without a pass with `passes` 0.
 */
export function periodsOf(
  past: readonly PastHour[],
  hours: Hours,
  since: number,
  until: number,
): Period[] {
  const groups = new Map<number, PastHour[]>(
    beginsOf(hours, since, until).map((begin) => [begin, []]),
  );
  for (const each of past) groups.get(beginOf(hours, each.hour))?.push(each);
  return [...groups].map(([start, group]) => ({
    start,
    servers: [...new Set(group.flatMap(({ server }) => server ?? []))],
    ...sum(group),
  }));
}

/** Returns one pass as a period of its own. */
export function periodOfPass(pass: PastPass): Period {
  return {
    start: pass.started,
    servers: pass.server === null ? [] : [pass.server],
    passes: 1,
    bad: Number(pass.exit !== 0),
    files: pass.copied,
    bytes: pass.bytes,
    wire_bytes: pass.wire_bytes,
    removed: pass.removed,
    failures: pass.failures,
    seconds: pass.seconds,
    lag_seconds: pass.lag_seconds,
  };
}
