/**
 * How all that one configuration has relais do stands: a replica, a publisher,
 * or both.
 *
 * @module
 */

import type { Config, PublishConfig, ReplicaConfig } from "../config/config.ts";
import { ownDirectoryOf } from "../files/own-directory.ts";
import { readState } from "../state/database.ts";
import { readSnapshot, type Snapshot, snapshotPath } from "../stat/snapshot.ts";
import {
  defaultMaxAgeMs,
  gravestFirst,
  type HealthLimits,
  type Problem,
  problemsOf,
  sayHealth,
} from "./health.ts";
import { nextLoopPass } from "./next-pass.ts";
import {
  publisherProblems,
  type PublisherSituation,
  readPublisher,
  sayPublisher,
} from "./publisher.ts";
import { readSituation, type Situation } from "./situation.ts";

/** The part of a configuration that matters to who looks: no key, and no server. */
export interface JobPlaces {
  readonly replica:
    | Pick<ReplicaConfig, "into" | "state" | "republish"> & {
      /** True if it is a node of a cluster. */
      readonly isShared: boolean;
    }
    | null;
  readonly publish: Pick<PublishConfig, "into"> | null;
  readonly everyMs: number;
}

/** How a replica or a publisher stands, and whether that is well. */
export interface Aspect<Stands> {
  readonly situation: Stands;
  /** The gravest first; none if all is well. */
  readonly problems: readonly Problem[];
  /** All of it in one line. */
  readonly summary: string;
  /** Its figures, if it has ever run. */
  readonly snapshot: Snapshot | undefined;
}

/** What one configuration has relais do. */
export interface JobView {
  readonly replica?: Aspect<Situation>;
  readonly publisher?: Aspect<PublisherSituation>;
}

export interface LookOptions {
  readonly limits: HealthLimits;
  /** Passes and failing files that are named. */
  readonly passes: number;
  readonly failing: number;
  /** When the timers run the next time, in seconds since the epoch, as far as is known. */
  readonly timers?: {
    readonly replica: number | undefined;
    readonly publisher: number | undefined;
  };
}

/** Returns the places that a configuration names. */
export function placesOf(
  { replica, publish, schedule, cluster }: Config,
): JobPlaces {
  return {
    replica: replica && {
      into: replica.into,
      state: replica.state,
      republish: replica.republish,
      isShared: cluster !== null,
    },
    publish: publish && { into: publish.into },
    everyMs: schedule.everyMs,
  };
}

/** Returns the limits for a configuration, with defaults for those not given; milliseconds. */
export function limitsFor(
  everyMs: number,
  { maxLag, maxAge, criticalFailover }: {
    readonly maxLag?: number | undefined;
    readonly maxAge?: number | undefined;
    readonly criticalFailover?: boolean | undefined;
  },
): HealthLimits {
  return {
    maxAgeMs: maxAge ?? defaultMaxAgeMs(everyMs),
    maxLagMs: maxLag,
    criticalFailover,
  };
}

/**
 * Looks at all that is configured.
 *
 * @throws {LocalError} If a state cannot be read.
 */
export async function lookAtJob(
  { replica, publish, everyMs }: JobPlaces,
  options: LookOptions,
): Promise<JobView> {
  return {
    ...replica && { replica: await lookAtReplica(replica, everyMs, options) },
    ...publish &&
      { publisher: await lookAtPublisher(publish, everyMs, options) },
  };
}

async function lookAtReplica(
  replica: NonNullable<JobPlaces["replica"]>,
  everyMs: number,
  { limits, timers, ...named }: LookOptions,
): Promise<Aspect<Situation>> {
  const { snapshot } = await readSnapshot(snapshotPath(replica.state));
  using db = readState(replica.state);
  const situation = readSituation(db, replica, {
    ...named,
    nextPass: (last, now) =>
      timers?.replica ?? nextLoopPass(snapshot, last, everyMs, now),
  });
  const problems = problemsOf(situation, limits);
  const summary = sayHealth(situation, problems);
  return { situation, problems, summary, snapshot };
}

async function lookAtPublisher(
  publish: NonNullable<JobPlaces["publish"]>,
  everyMs: number,
  { limits, timers, ...named }: LookOptions,
): Promise<Aspect<PublisherSituation>> {
  const own = ownDirectoryOf(publish);
  const { snapshot } = await readSnapshot(snapshotPath(own));
  using db = readState(own);
  const situation = readPublisher(db, publish, {
    ...named,
    nextRun: (last, now) =>
      timers?.publisher ?? nextLoopPass(snapshot, last, everyMs, now),
  });
  const problems = publisherProblems(situation, limits);
  const summary = sayPublisher(situation, problems);
  return { situation, problems, summary, snapshot };
}

/** Returns what is wrong with all of it, the gravest first. */
export function problemsOfJob({ replica, publisher }: JobView): Problem[] {
  return gravestFirst([
    ...replica?.problems ?? [],
    ...publisher?.problems ?? [],
  ]);
}

/** Says in one line how all of it is. */
export function sayJob({ replica, publisher }: JobView): string {
  return [replica, publisher].flatMap((aspect) =>
    aspect === undefined ? [] : [aspect.summary]
  ).join("; ");
}
