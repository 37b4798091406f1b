/**
 * Health of a replica, and the problems it has: one judgement for `relais status`,
 * for monitoring and for `/healthz`.
 *
 * @module
 */

import { exitStatus, exitStatuses } from "../errors.ts";
import { formatAge, formatCount, formatSeconds } from "../text/human.ts";
import type { Ended } from "../state/history.ts";
import type { ServerSituation, Situation } from "./situation.ts";

/** What is still healthy; milliseconds. */
export interface HealthLimits {
  /** How long ago the last pass may have come to its end. */
  readonly maxAgeMs: number;
  /** How late the replica may be; `undefined`: this alone is no reason. */
  readonly maxLagMs: number | undefined;
  /** True if a failover is critical, and not a warning. @default false */
  readonly criticalFailover?: boolean | undefined;
}

/** What is wrong. A `warning` is about some files, `critical` about all of them. */
export interface Problem {
  readonly gravity: "warning" | "critical";
  readonly text: string;
}

/** Least default of `maxAgeMs`. */
const unremarkableAgeMs = 3_600_000;

/** Returns the default of `maxAgeMs`: an hour, or three times `schedule.every`. */
export function defaultMaxAgeMs(everyMs: number): number {
  return Math.max(unremarkableAgeMs, 3 * everyMs);
}

/** Returns what is wrong, the gravest first; nothing if the replica is healthy. */
export function problemsOf(
  situation: Situation,
  { maxAgeMs, maxLagMs, criticalFailover = false }: HealthLimits,
): Problem[] {
  const { passes: [last], now, active, lag_seconds, failed, conflicts } =
    situation;
  if (last === undefined) return [critical("no pass has run yet")];
  const problems = exitProblem("pass", last, failed > 0, situation.servers);
  if (maxLagMs !== undefined && lag_seconds * 1_000 > maxLagMs) {
    problems.push(critical(
      `the lag is ${formatSeconds(lag_seconds)}, more than ${
        formatSeconds(maxLagMs / 1_000)
      }`,
    ));
  }
  const ended = lastEnd(situation.passes, situation.last_success);
  problems.push(...ageProblem("pass", ended, now, maxAgeMs));
  if (conflicts.files > 0) {
    problems.push(critical(
      conflicts.files === 1
        ? `conflict: no rule decides which server has the newer version of ${conflicts.first}`
        : `conflict: no rule decides which server has the newer version of ${conflicts.files} files, ${conflicts.first} first`,
    ));
  }
  const [preferred] = situation.servers;
  if (preferred !== undefined && active !== null && preferred.name !== active) {
    problems.push({
      gravity: criticalFailover ? "critical" : "warning",
      text:
        `files come from ${active} instead of ${preferred.name}: ${situation.reason}`,
    });
  }
  return gravestFirst([...problems, ...failedProblem(failed, "copied")]);
}

/** Says in one line how the replica is. */
export function sayHealth(
  situation: Situation,
  problems: readonly Problem[],
): string {
  if (problems.length > 0) return problems.map(({ text }) => text).join("; ");
  const { active, lag_seconds, pending, now } = situation;
  const lag = lag_seconds === 0 && pending === 0
    ? "no files wait"
    : `${formatCount(pending, "file waits", "files wait")}, lag ${
      formatSeconds(lag_seconds)
    }`;
  const age = formatAge(
    now,
    lastEnd(situation.passes, situation.last_success)!,
  );
  return `files come from ${active}, ${lag}, last pass ${age} ago`;
}

/**
 * Returns when a pass, or a run, last came to its end, in seconds since the epoch;
 * `null` if none did. Files that fail do not keep it from its end: they are a
 * problem of their own.
 */
export function lastEnd(
  [last]: readonly Ended[],
  lastSuccess: number | null,
): number | null {
  return last !== undefined && last.exit <= exitStatus.incomplete
    ? last.started + last.seconds
    : lastSuccess;
}

/** Says what the exit status of the last pass, or run, means. One that was stopped by a signal says nothing. */
export function exitProblem(
  what: "pass" | "run",
  { exit, errors }: Pick<Ended, "exit" | "errors">,
  filesFailed: boolean,
  servers: readonly Pick<ServerSituation, "error">[] = [],
): Problem[] {
  if (exit === 0 || exit > 128) return [];
  // The files that failed are told by themselves.
  if (exit === 1 && errors.length === 0 && filesFailed) return [];
  const meaning = exitStatuses.find(({ status }) => status === String(exit))
    ?.meaning ?? "failure";
  // What to do about a server is told with it.
  const why = errors[0] ??
    servers.find(({ error }) => error !== null)?.error?.split("; ", 1)[0];
  const text = `the last ${what} ended with exit ${exit}: ${meaning}${
    why === undefined ? "" : ` (${why})`
  }`;
  return [{ gravity: exit === 1 ? "warning" : "critical", text }];
}

/** Says that the last pass, or run, which came to its end at `ended` did so too long ago. */
export function ageProblem(
  what: "pass" | "run",
  ended: number | null,
  now: number,
  maxAgeMs: number,
): Problem[] {
  if (ended === null) return [critical(`no ${what} has completed yet`)];
  if ((now - ended) * 1_000 <= maxAgeMs) return [];
  const age = formatSeconds(Math.round(now - ended));
  return [critical(
    `the last complete ${what} ended ${age} ago, more than ${
      formatSeconds(maxAgeMs / 1_000)
    }`,
  )];
}

/** Says that files failed. */
export function failedProblem(
  failed: number,
  done: "copied" | "published",
): Problem[] {
  if (failed === 0) return [];
  const files = formatCount(failed, "file");
  return [{ gravity: "warning", text: `${files} could not be ${done}` }];
}

/** Puts the gravest problems first. */
export function gravestFirst(problems: readonly Problem[]): Problem[] {
  return problems.toSorted((a, b) => rank(a) - rank(b));
}

function critical(text: string): Problem {
  return { gravity: "critical", text };
}

function rank({ gravity }: Problem): number {
  return gravity === "critical" ? 0 : 1;
}
