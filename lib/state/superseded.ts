/**
 * Versions that were superseded: what each server's list has named for a path
 * before what it names now, and what was on the replica before what is there now.
 * Only what has changed takes rows.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import type { State } from "./order.ts";
import { prepared } from "./prepared.ts";

/** In place of a server's name: what was on the replica. */
export const replica = "";

/** Number of versions of a path that are remembered for each server; a file may change every minute for years. */
const most = 100;

/** A version, and its number among those that were named for its path: 0, 1, 2 … */
export type Numbered = State & { readonly number: number };

const columns = "number, op, mtime, size, digest";

/** The table `superseded`. */
export class Superseded {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** Returns the versions of `path` that `server` has named, the oldest first. */
  of(server: string, path: string): Numbered[] {
    return prepared(
      this.#db,
      `SELECT ${columns} FROM superseded
       WHERE server = :server AND path = :path ORDER BY number`,
    ).all({ server, path }) as unknown as Numbered[];
  }

  /** Remembers a version that `server` no longer names. */
  add(server: string, path: string, version: Numbered): void {
    const { number, op, mtime, size, digest } = version;
    prepared(
      this.#db,
      `INSERT OR REPLACE INTO superseded (server, path, ${columns})
       VALUES (:server, :path, :number, :op, :mtime, :size, :digest)`,
    ).run({ server, path, number, op, mtime, size, digest });
    if (number < most) return;
    prepared(
      this.#db,
      `DELETE FROM superseded
       WHERE server = :server AND path = :path AND number <= :oldest`,
    ).run({ server, path, oldest: number - most });
  }

  /** Remembers a version that is no longer on the replica, after all others that were. */
  leave(path: string, { op, mtime, size, digest }: State): void {
    const { next } = prepared(
      this.#db,
      `SELECT coalesce(max(number) + 1, 0) AS next FROM superseded
       WHERE server = '${replica}' AND path = :path`,
    ).get({ path }) as { next: number };
    this.add(replica, path, { number: next, op, mtime, size, digest });
  }

  /** Forgets what `server` has named for `path`: another writer's list has taken the place of its own. */
  forget(server: string, path: string): void {
    prepared(
      this.#db,
      "DELETE FROM superseded WHERE server = :server AND path = :path",
    ).run({ server, path });
  }
}
