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

/** Returns the exit status of a pass in which `incomplete` files did not make it. */
export function exitOf(
  probed: Pick<Probed, "active" | "probes">,
  failures: readonly Failure[],
  incomplete: number,
): ExitStatus {
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
