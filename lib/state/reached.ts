/**
 * How far a replica has followed the list of a server: all that it names up to
 * there is here, but for what is wanted.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import { type Cursor, foreignGeneration } from "../list/cursor.ts";
import type { Timestamp } from "../text/timestamp.ts";
import { cursorOf, type ReadSoFar } from "./cursor.ts";
import { prepared } from "./prepared.ts";

/** How far the list of a server has been followed. */
export interface Reached {
  /** How far it has been read; `null`: the server has no list in the format of relais. */
  readonly cursor: Cursor | null;
  /** True if that reading, from the start of the list, has come to its end once. */
  readonly complete: boolean;
  /** The first line whose file is wanted, and not here yet; `null`: there is none. */
  readonly missing: Missed | null;
}

/** A line whose file is not here yet. */
export interface Missed {
  readonly seq: number;
  readonly path: string;
  readonly published: Timestamp;
}

/** Of a server of which nothing was read yet. */
export const nothingReached: Reached = {
  cursor: null,
  complete: false,
  missing: null,
};

interface ListRow extends ReadSoFar {
  readonly reading: number;
  readonly complete: number;
}

/** Returns how far the list of `server` has been followed; `undefined` if nothing of it was read yet. */
export function reachedOf(
  db: DatabaseSync,
  server: string,
): Reached | undefined {
  const row = prepared(
    db,
    `SELECT generation, "offset", tail, seq, modified, reading, complete
     FROM list WHERE server = ?`,
  ).get(server) as unknown as ListRow | undefined;
  if (row === undefined) return undefined;
  const { reading, complete } = row;
  const cursor = cursorOf(row);
  // Lines of an earlier reading have other numbers.
  const missing = prepared(
    db,
    `SELECT seq, path, published FROM entry
     WHERE server = :server AND standing = 'wanted' AND reading = :reading
     ORDER BY seq LIMIT 1`,
  ).get({ server, reading }) as unknown as Missed | undefined;
  return {
    cursor: cursor?.generation === foreignGeneration ? null : cursor ?? null,
    complete: reading === complete,
    missing: missing ?? null,
  };
}
