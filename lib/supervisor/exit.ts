/**
 * The one place that turns the outcome of a pass into an exit status.
 *
 * @module
 */

import { type ExitStatus, exitStatus, type Failure } from "../errors.ts";
import type { Probed } from "../test-server/operations.ts";

/** Statuses from the one that says most to the one that says least. */
const gravity: readonly ExitStatus[] = [
  exitStatus.local,
  exitStatus.refused,
  exitStatus.untrusted,
  exitStatus.unavailable,
  exitStatus.usage,
  exitStatus.incomplete,
];

/** What a pass came to. */
export interface Ending {
  readonly probed: Pick<Probed, "active" | "probes">;
  readonly failures: readonly Failure[];
  /** Files that did not make it. */
  readonly incomplete: number;
  /** The exit status that goes with the signal that stopped it; `undefined`: none did. */
  readonly stopped: ExitStatus | undefined;
}

/** Returns the exit status of a pass. */
export function exitOf(
  { probed, failures, incomplete, stopped }: Ending,
): ExitStatus {
  // Who stops a pass knows why it came to no more.
  if (stopped !== undefined) return stopped;
  const statuses = new Set([
    ...failures.map((failure) => failure.exitStatus),
    ...serverStatuses(probed),
  ]);
  if (incomplete > 0) statuses.add(exitStatus.incomplete);
  return gravity.find((status) => statuses.has(status)) ?? exitStatus.done;
}

/**
 * A wrong host key is told even where another server served; a refused login
 * only where none did. A stale server is better than none, and yet not what was
 * asked for.
 */
function serverStatuses(
  { active, probes }: Pick<Probed, "active" | "probes">,
): ExitStatus[] {
  const verdicts = new Set(probes.map(({ verdict }) => verdict));
  if (verdicts.has("untrusted")) return [exitStatus.untrusted];
  const used = probes.find(({ server }) => server === active);
  if (used?.verdict === "stale") return [exitStatus.unavailable];
  if (active !== null) return [];
  return [
    verdicts.has("refused") ? exitStatus.untrusted : exitStatus.unavailable,
  ];
}
