/**
 * When the next pass is due: systemd knows it of its timer, and of the loop it
 * follows from the figures that it keeps writing.
 *
 * @module
 */

import { forJob } from "../config/job.ts";
import type { PastPass, PastRun } from "../state/history.ts";
import type { Snapshot } from "../stat/snapshot.ts";

/** Returns the timers that `relais --once` and `relais publish --once` are run from, in a job. */
export function timersOf(
  job: string | null,
): { readonly replica: string; readonly publisher: string } {
  return {
    replica: `${forJob("relais", job, "@")}.timer`,
    publisher: `${forJob("relais-publish", job, "@")}.timer`,
  };
}

/** systemd answers at once, or not at all. */
const patienceMs = 1_000;

/**
 * Returns when systemd's timer runs the next time, in seconds since the epoch;
 * `undefined` if there is no systemd, or no such timer.
 */
export async function nextTimerRun(
  unit: string,
): Promise<number | undefined> {
  if (!await isBooted()) return undefined;
  try {
    const { stdout, success } = await new Deno.Command("systemctl", {
      // Without --all: a timer that is stopped runs nothing.
      args: ["list-timers", "--output=json", unit],
      stdin: "null",
      stderr: "null",
      signal: AbortSignal.timeout(patienceMs),
    }).output();
    return success
      ? parseTimers(new TextDecoder().decode(stdout), unit)
      : undefined;
  } catch {
    // Not to know it is no reason to fail.
    return undefined;
  }
}

/** Returns the next run in what `systemctl list-timers --output=json` prints: microseconds, or null. */
export function parseTimers(json: string, unit: string): number | undefined {
  const timers: unknown = JSON.parse(json);
  if (!Array.isArray(timers)) return undefined;
  const next: unknown = timers.find((timer) => timer.unit === unit)?.next;
  return typeof next === "number" && next > 0 ? next / 1e6 : undefined;
}

/** sd_booted(3). */
async function isBooted(): Promise<boolean> {
  try {
    return (await Deno.lstat("/run/systemd/system")).isDirectory;
  } catch {
    // Another init, or a container.
    return false;
  }
}

/** Seconds that the figures of a loop that is alive are old at most. */
const aliveSeconds = 3;

/**
 * Returns when a loop begins its next pass, in seconds since the epoch;
 * `undefined` if none is running: then its figures are no longer written.
 */
export function nextLoopPass(
  snapshot: Snapshot | undefined,
  last: Pick<PastPass | PastRun, "started" | "seconds"> | undefined,
  everyMs: number,
  now: number,
): number | undefined {
  if (snapshot === undefined || last === undefined) return undefined;
  // What is dated in the future is of a clock that was ahead, and says nothing.
  const isAlive = snapshot.loop === true &&
    Math.abs(now - snapshot.taken) < aliveSeconds;
  const next = last.started + everyMs / 1_000;
  return isAlive && last.started <= now && next > now ? next : undefined;
}
