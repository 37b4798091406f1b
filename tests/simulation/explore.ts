/**
 * Many runs of the simulation, one for each seed.
 *
 * @module
 */

import { invariants } from "./invariants.ts";
import { allRules, type Rules, World } from "./world.ts";

/** A run in which something was violated. */
export interface Failure {
  readonly seed: number;
  readonly violations: readonly string[];
  /** What happened, until then. */
  readonly trace: readonly string[];
}

/** What some runs covered, and the first that failed. */
export interface Exploration {
  readonly schedules: number;
  readonly steps: number;
  /** Runs in which a second node led, and in which a claim was taken over. */
  readonly changesOfLeader: number;
  readonly takeovers: number;
  readonly failure: Failure | undefined;
}

/** Runs the seeds from `first` on, up to the first failure. */
export function explore(
  { first = 1, schedules, without }: {
    readonly first?: number;
    readonly schedules: number;
    /** The part of the protocol to leave out. */
    readonly without?: keyof Rules;
  },
): Exploration {
  const rules = without === undefined
    ? allRules
    : { ...allRules, [without]: false };
  const covered = { schedules: 0, steps: 0, changesOfLeader: 0, takeovers: 0 };
  for (let seed = first; seed < first + schedules; seed++) {
    const world = new World(seed, rules);
    world.run(invariants());
    covered.schedules++;
    covered.steps += world.steps;
    if (world.database.lease!.term > 1) covered.changesOfLeader++;
    if (world.database.takeovers > 0) covered.takeovers++;
    if (world.violations.length > 0) {
      return { ...covered, failure: replay(seed, rules) };
    }
  }
  return { ...covered, failure: undefined };
}

/** Runs a seed again, and writes down what happens. */
function replay(seed: number, rules: Rules): Failure {
  const world = new World(seed, rules, true);
  world.run(invariants());
  return { seed, violations: world.violations, trace: world.trace };
}

/** Says of a failure what it was, how it came about, and how to see it again. */
export function report({ seed, violations, trace }: Failure): string {
  return [
    `${violations.join("; ")}, after:`,
    ...trace,
    `again: RELAIS_SEED=${seed} deno test -A --no-check tests/simulation/`,
  ].join("\n");
}
