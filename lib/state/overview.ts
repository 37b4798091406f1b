/**
 * Looking at the state, without changing it.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import type { Standing } from "./standing.ts";

/** One line of the synchronised list, for a person. */
export interface ListedFile {
  readonly server: string;
  readonly path: string;
  readonly size: number;
  /** Decimal seconds since the epoch. */
  readonly mtime: string;
  readonly standing: Standing;
  /** Why it could not be copied last time. */
  readonly error: string | null;
}

/** How many files there are, and how late the replica is. */
export interface Totals {
  readonly here: number;
  readonly bytes: number;
  readonly pending: number;
  readonly failed: number;
  /** When the oldest entry not yet here was published, in seconds since the epoch. */
  readonly oldest: number | null;
}

export type Selection = "all" | "pending" | "failed";

const conditions: Record<Selection, string> = {
  all: "1",
  pending: "standing = 'wanted'",
  failed: "error IS NOT NULL",
};

/** Yields the entries of all servers, by path. */
export function* listedFiles(
  db: DatabaseSync,
  selection: Selection,
): Generator<ListedFile> {
  const rows = db.prepare(`
    SELECT server, path, size, mtime, standing, error FROM entry
    WHERE ${conditions[selection]} ORDER BY path, server`).iterate();
  for (const row of rows) yield row as unknown as ListedFile;
}

export function totals(db: DatabaseSync): Totals {
  return db.prepare(`
    SELECT
      (SELECT count(*) FROM copy) AS here,
      (SELECT total(size) FROM copy) AS bytes,
      (SELECT count(DISTINCT path) FROM entry WHERE standing = 'wanted') AS pending,
      (SELECT count(DISTINCT path) FROM entry WHERE standing = 'wanted' AND error IS NOT NULL) AS failed,
      (SELECT min(CAST(published AS REAL)) FROM entry WHERE standing = 'wanted') AS oldest
  `).get() as unknown as Totals;
}
