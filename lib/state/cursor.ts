/**
 * Position up to which the list of a server has been read.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import type { Cursor } from "../list/cursor.ts";
import { prepared } from "./prepared.ts";

/** Position in a server's list, as a row of the table `list`. */
export interface ReadSoFar extends Omit<Cursor, "generation"> {
  /** `null`: its tree was walked. */
  readonly generation: string | null;
}

/** Returns where reading goes on; `undefined` for a tree. */
export function cursorOf(
  { generation, offset, tail, seq, modified }: ReadSoFar,
): Cursor | undefined {
  if (generation === null) return undefined;
  return { generation, offset, tail, seq, modified };
}

/** Returns where reading a server's list goes on; `undefined` if none was read. */
export function readCursor(
  db: DatabaseSync,
  server: string,
): Cursor | undefined {
  const row = prepared(
    db,
    `SELECT generation, "offset", tail, seq, modified FROM list WHERE server = ?`,
  ).get(server) as unknown as ReadSoFar | undefined;
  return row && cursorOf(row);
}
