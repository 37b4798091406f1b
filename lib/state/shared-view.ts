/**
 * What a node of a cluster last saw of the list and of the other nodes: it keeps that
 * in its own state, where `relais status`, the page and Prometheus find it without
 * asking the database.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import type { Conflicts } from "./left.ts";
import type { ListedFile } from "./overview.ts";
import { prepared } from "./prepared.ts";

/** A node, as it last showed a sign of life. */
export interface NodeSeen {
  readonly name: string;
  readonly leads: boolean;
  /** Seconds since its last sign of life, by the clock of the database. */
  readonly silent_seconds: number;
  /** Batches that it works on. */
  readonly claims: number;
  /** Files that it has copied, since the cluster was made. */
  readonly copied: number;
  readonly bytes: number;
  /** Files of them a second, between two looks of the node that tells. */
  readonly files_per_second: number;
}

/** A node, as it is seen at one moment. */
export type NodeNow = Omit<NodeSeen, "files_per_second">;

/** The cluster at one moment. */
export interface ClusterSeen {
  readonly name: string;
  /** Name of this node. */
  readonly node: string;
  /** When it was seen, in seconds since the epoch. */
  readonly seen: number;
  readonly term: number;
  /** Batches that are claimed. */
  readonly claims: number;
  /** By name. */
  readonly nodes: readonly NodeSeen[];
}

/** The list at one moment. */
export interface SharedCounts {
  /** The server that files come from; `null`: nobody has chosen one yet. */
  readonly server: string | null;
  /** Since when that is so, in seconds since the epoch. */
  readonly since: number;
  /** Bytes of each server's list that have been read, by server. */
  readonly read: Readonly<Record<string, number>>;
  readonly here: number;
  readonly bytes: number;
  readonly pending: number;
  readonly failed: number;
  readonly failing: readonly Pick<ListedFile, "server" | "path" | "error">[];
  readonly conflicts: Conflicts;
  /** When the oldest wanted file was published, in seconds since the epoch; `null`: nothing is wanted. */
  readonly oldest: number | null;
}

/** Both. */
export interface SharedView {
  readonly cluster: ClusterSeen;
  readonly counts: SharedCounts;
}

/** Looks that are closer to each other, in seconds, tell no rate. */
const leastSeconds = 1;

/** Adds to each node how fast it has copied since it was seen `before`. */
export function withRates(
  nodes: readonly NodeNow[],
  seen: number,
  before: Pick<ClusterSeen, "nodes" | "seen"> | undefined,
): NodeSeen[] {
  const seconds = seen - (before?.seen ?? seen);
  return nodes.map((node) => {
    const was = before?.nodes.find(({ name }) => name === node.name);
    // A database that was made again counts from its beginning.
    const copied = Math.max(0, node.copied - (was?.copied ?? node.copied));
    // The clock may have been set back.
    const rate = seconds < leastSeconds
      ? was?.files_per_second ?? 0
      : copied / seconds;
    return { ...node, files_per_second: Number(rate.toFixed(1)) };
  });
}

const key = "cluster";

/** Keeps what was seen. */
export function keepView(db: DatabaseSync, view: SharedView): void {
  prepared(db, "INSERT OR REPLACE INTO memory VALUES (?, ?)")
    .run(key, JSON.stringify(view));
}

/** Returns what was seen last; `undefined` on a machine that is no node. */
export function readView(db: DatabaseSync): SharedView | undefined {
  const row = prepared(db, "SELECT value FROM memory WHERE key = ?")
    .get(key) as { value: string } | undefined;
  return row && JSON.parse(row.value);
}

/** Returns the lag that was seen, as it is now, in seconds. */
export function lagOf({ oldest }: SharedCounts, now: number): number {
  return oldest === null ? 0 : Math.max(0, now / 1_000 - oldest);
}
