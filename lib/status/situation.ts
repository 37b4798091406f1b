/**
 * How things stand with a replica: what `relais status`, a monitoring check and
 * the page are made of.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import type { ReplicaConfig } from "../config/config.ts";
import { describe } from "../errors.ts";
import {
  type Memory,
  recall,
  serversInUse,
  sharedReason,
} from "../test-server/memory.ts";
import type { Conflicts } from "../state/left.ts";
import type { Verdict } from "../test-server/operations.ts";
import type { Depth } from "../ssh/depth.ts";
import { lastPasses, lastSuccess, type PastPass } from "../state/history.ts";
import { noNotFiles, type NotFiles } from "../list/not-files.ts";
import {
  type ClusterSeen,
  lagOf,
  readView,
  type SharedView,
} from "../state/shared-view.ts";
import { type HeldSet, heldSets } from "../state/sets.ts";
import { countPassedOver } from "../state/passed-over.ts";
import {
  bytesRead,
  conflictsWith,
  failingFiles,
  lagBehind,
  type ListedFile,
  totals,
} from "../state/overview.ts";
import { type Disk, diskOf } from "./disk.ts";
import { readRepublished, type Republished } from "./republished.ts";

/** A server, as the last probe found it. */
export interface ServerSituation {
  readonly name: string;
  readonly active: boolean;
  readonly verdict: Verdict;
  /** How deep the probe got. */
  readonly depth: Depth;
  /** Why it is not up, and what can be done. */
  readonly error: string | null;
  /** The round trip of the probe, from connecting to the last answer. */
  readonly milliseconds: number;
  readonly list: {
    readonly generation: string;
    /** Bytes. */
    readonly size: number;
    /** When its publisher last ran, in seconds since the epoch. */
    readonly mtime: number;
    /** Bytes of it that the synchronised list holds; `null`: it was never read. */
    readonly read: number | null;
  } | null;
}

/** How things stand. Dates are seconds since the epoch. */
export interface Situation {
  readonly now: number;
  /** The server that files come from; `null` before the first one served. */
  readonly active: string | null;
  readonly since: number;
  /** Why it is the active one. */
  readonly reason: string;
  readonly probed: number;
  /** In order of preference. */
  readonly servers: readonly ServerSituation[];
  readonly lag_seconds: number;
  /** Files on the replica, and their bytes. */
  readonly here: number;
  readonly bytes: number;
  /** Files of the active server that are to be fetched. */
  readonly pending: number;
  /** Files that could not be copied last time, and the first of them. */
  readonly failed: number;
  readonly failing: readonly Pick<ListedFile, "server" | "path" | "error">[];
  /** Sets of the active server that are not shown, and why; the first ones. */
  readonly held: readonly HeldSet[];
  /** What lies in the tree of the active server and is not copied. */
  readonly not_files: NotFiles;
  /** Files of which nothing tells which server has the newer version. */
  readonly conflicts: Conflicts;
  /** The youngest first. */
  readonly passes: readonly PastPass[];
  /** When a pass last ended with nothing left to do. */
  readonly last_success: number | null;
  /** When the next pass is due, as far as is known. */
  readonly next_pass: number | null;
  /** The list that other replicas read; `null` if this one does not republish, or has not yet. */
  readonly republished: Republished | null;
  /** The disk of the replica, in bytes. */
  readonly disk: Disk | null;
  /** The nodes that share the replica; `null`: this machine keeps it alone. */
  readonly cluster: ClusterSeen | null;
}

export interface SituationOptions {
  /** Passes and failing files that are named. */
  readonly passes: number;
  readonly failing: number;
  /** When the next pass is due, after this last one; both in seconds since the epoch. */
  readonly nextPass: (
    last: PastPass | undefined,
    now: number,
  ) => number | undefined;
}

/** Reads how things stand from the state; from none, before the first pass. */
export function readSituation(
  db: DatabaseSync | undefined,
  replica: Pick<ReplicaConfig, "into" | "republish"> & {
    readonly isShared: boolean;
  },
  options: SituationOptions,
): Situation {
  const now = Date.now();
  const disk = diskOf(replica.into);
  if (db === undefined) return { ...nothing, now: now / 1_000, disk };
  const passes = lastPasses(db, options.passes);
  const memory = recall(db);
  const view = replica.isShared ? readView(db) : undefined;
  const counts = view === undefined
    ? countsOf(db, memory, { now, failing: options.failing })
    : shared(view, now);
  const { active, since, reason, read } = view === undefined
    ? sourceOf(db, memory)
    : sharedSource(view, memory);
  return {
    now: now / 1_000,
    active,
    since,
    reason,
    probed: memory.probedAt / 1_000,
    servers: memory.probes.map((
      { server, verdict, depth, failure, milliseconds, list },
    ) => ({
      name: server,
      active: server === active,
      verdict,
      depth,
      error: failure === null ? null : describe(failure),
      milliseconds,
      list: list === null ? null : { ...list, read: read.get(server) ?? null },
    })),
    ...counts,
    not_files: countPassedOver(db, active),
    held: active === null ? [] : heldSets(db, active, options.failing),
    passes,
    last_success: lastSuccess(db),
    next_pass: options.nextPass(passes[0], now / 1_000) ?? null,
    republished: readRepublished(db, replica, active),
    disk,
    cluster: view?.cluster ?? null,
  };
}

/** Where files come from, and how far the lists have been read. */
interface Source extends Pick<Situation, "active" | "since" | "reason"> {
  /** Bytes, by server. */
  readonly read: ReadonlyMap<string, number>;
}

function sourceOf(db: DatabaseSync, { choice, reason }: Memory): Source {
  const { active, since } = choice;
  return { active, since: since / 1_000, reason, read: bytesRead(db) };
}

/** The node that leads chooses the server, whatever this one would. */
function sharedSource({ counts }: SharedView, memory: Memory): Source {
  const { server, since } = counts;
  return {
    active: server,
    since,
    reason: sharedReason(server, memory),
    read: new Map(Object.entries(counts.read)),
  };
}

/** The files, as the list has them. */
type Counts = Pick<
  Situation,
  | "lag_seconds"
  | "here"
  | "bytes"
  | "pending"
  | "failed"
  | "failing"
  | "conflicts"
>;

/** Counts what is in the state of this machine. */
function countsOf(
  db: DatabaseSync,
  memory: Memory,
  { now, failing }: { readonly now: number; readonly failing: number },
): Counts {
  const inUse = serversInUse(memory);
  return {
    lag_seconds: Math.round(lagBehind(db, inUse, now)),
    ...totals(db, memory.choice.active),
    conflicts: conflictsWith(db, inUse),
    failing: failingFiles(db, failing),
  };
}

/** Returns what this node last saw of the list that it shares. */
function shared({ counts }: SharedView, now: number): Counts {
  const { here, bytes, pending, failed, failing, conflicts } = counts;
  return {
    here,
    bytes,
    pending,
    failed,
    failing,
    conflicts,
    lag_seconds: Math.round(lagOf(counts, now)),
  };
}

const nothing = {
  active: null,
  since: 0,
  reason: "no pass has run yet",
  probed: 0,
  servers: [],
  lag_seconds: 0,
  here: 0,
  bytes: 0,
  pending: 0,
  failed: 0,
  failing: [],
  held: [],
  not_files: noNotFiles,
  conflicts: { files: 0, first: null },
  passes: [],
  last_success: null,
  next_pass: null,
  republished: null,
  cluster: null,
} as const;
