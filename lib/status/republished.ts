/**
 * How far a replica that republishes shows what its servers have.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import type { ReplicaConfig } from "../config/config.ts";
import { ownDirectory } from "../list/path.ts";
import { lookAtList } from "../republish/shown-list.ts";
import { reachedOf } from "../state/reached.ts";
import { formatAge, formatBytes } from "../text/human.ts";

/** The list that other replicas read. */
export interface Republished {
  readonly generation: string;
  /** Bytes. */
  readonly size: number;
  /** Date up to which it has all that was published, in seconds since the epoch. */
  readonly as_of: number;
  /** Path of the first file that is not here yet: the lines from there on are not shown; `null`: none are missing. */
  readonly held_by: string | null;
}

/** Looks at what is shown; `null` if nothing is. */
export function readRepublished(
  db: DatabaseSync,
  { into, republish }: Pick<ReplicaConfig, "into" | "republish">,
  active: string | null,
): Republished | null {
  const shown = republish ? lookAtList(`${into}/${ownDirectory}`) : undefined;
  if (shown === undefined) return null;
  const { generation, size, mtime } = shown;
  const reached = reachedOf(db, active ?? "");
  const missing = reached?.cursor?.generation === generation
    ? reached.missing
    : null;
  return { generation, size, as_of: mtime, held_by: missing?.path ?? null };
}

/** Tells it in one line. */
export function tellRepublished(
  { size, as_of, held_by }: Republished,
  now: number,
): string {
  const held = held_by === null ? "" : `; held back by ${held_by}`;
  return `${formatBytes(size)}, complete up to ${
    formatAge(now, as_of)
  } ago${held}`;
}
