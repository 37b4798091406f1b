/**
 * How several jobs stand, side by side.
 *
 * @module
 */

import type { Problem } from "./health.ts";
import { type JobView, problemsOfJob, sayJob } from "./job.ts";

/** One job among others. */
export interface JudgedJob {
  readonly name: string;
  /** How it stands, or why that cannot be told. */
  readonly stands: JobView | string;
  /** The gravest first. */
  readonly problems: readonly Problem[];
  /** All of it in one line. */
  readonly summary: string;
}

/** Judges a job by how it stands, or by the reason why that is unknown. */
export function judgeJob(name: string, stands: JobView | string): JudgedJob {
  if (typeof stands !== "string") {
    const problems = problemsOfJob(stands);
    return { name, stands, problems, summary: sayJob(stands) };
  }
  const problems = [{ gravity: "critical", text: stands } as const];
  return { name, stands, problems, summary: stands };
}

/** Puts the jobs first that are worst off. */
export function byGravity(jobs: readonly JudgedJob[]): JudgedJob[] {
  const ranks = ["critical", "warning", undefined];
  const rank = ({ problems: [gravest] }: JudgedJob) =>
    ranks.indexOf(gravest?.gravity);
  return jobs.toSorted((a, b) => rank(a) - rank(b));
}
