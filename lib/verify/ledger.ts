/**
 * What the state knows of the files to verify, and when each one was verified
 * last.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import type { Digest } from "../list/entry.ts";
import { transaction } from "../state/database.ts";
import { totals } from "../state/overview.ts";
import { prepared } from "../state/prepared.ts";
import { SynchronisedList } from "../state/synchronised-list.ts";
import type { Timestamp } from "../text/timestamp.ts";

/** A file as it should be on the replica. */
export interface Copy {
  readonly path: string;
  readonly size: number;
  readonly mtime: Timestamp;
  /** `null`: nobody knows; its size and its date must do. */
  readonly digest: Digest | null;
}

type Awaitable<Value> = Value | Promise<Value>;

/** Files that should be on the replica. */
export interface Copies {
  /** Returns what should be under `path` now; `undefined` if nothing should. */
  copy(path: string): Awaitable<Copy | undefined>;
  /** Returns those of some paths under which a copy should be. */
  among(paths: readonly string[]): Awaitable<ReadonlySet<string>>;
  /** Yields all, by path, and without their digests. */
  byPath(): Iterable<readonly Copy[]> | AsyncIterable<readonly Copy[]>;
}

/** The same, and when each was verified last. */
export interface Verifications extends Copies {
  /** Returns how many there are. */
  count(): Awaitable<number>;
  /** Yields those that were last verified before `started`, in seconds since the epoch; those of the longest ago first. */
  byAge(
    started: number,
  ): Iterable<readonly Copy[]> | AsyncIterable<readonly Copy[]>;
  /** Notes that these files were verified at `at`, in seconds since the epoch, whatever came of it. */
  verified(paths: readonly string[], at: number): void;
  /** Has files fetched again; returns those that a server names as they should be. */
  refetch(paths: readonly string[]): Awaitable<ReadonlySet<string>>;
}

/** A row of the table `verification`. */
export interface Verification {
  readonly path: string;
  /** In seconds since the epoch; 0: never. */
  readonly at: number;
}

/** Files asked for, and noted, at a time: nothing holds the state for long. */
export const page = 500;

/** Files compared at a time. */
const longPage = 1_000;

/** The copies of a replica that one machine keeps. */
export class OwnCopies implements Copies {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  copy(path: string): Copy | undefined {
    return prepared(
      this.#db,
      "SELECT path, size, mtime, digest FROM copy WHERE path = ?",
    ).get(path) as Copy | undefined;
  }

  among(paths: readonly string[]): ReadonlySet<string> {
    const rows = prepared(
      this.#db,
      "SELECT path FROM copy WHERE path IN (SELECT value FROM json_each(?))",
    ).all(JSON.stringify(paths)) as { path: string }[];
    return new Set(rows.map(({ path }) => path));
  }

  *byPath(): Generator<readonly Copy[]> {
    const statement = prepared(
      this.#db,
      "SELECT path, size, mtime, NULL AS digest FROM copy WHERE path > ? ORDER BY path LIMIT ?",
    );
    for (let last = "";;) {
      const rows = statement.all(last, longPage) as unknown as Copy[];
      if (rows.length > 0) yield rows;
      if (rows.length < longPage) return;
      last = rows.at(-1)!.path;
    }
  }
}

/** The same, with the table `verification`. */
export class Ledger extends OwnCopies implements Verifications {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    super(db);
    this.#db = db;
    transaction(db, () => {
      db.exec("INSERT OR IGNORE INTO verification SELECT path, 0 FROM copy");
      db.exec(
        "DELETE FROM verification WHERE NOT EXISTS (SELECT 1 FROM copy WHERE copy.path = verification.path)",
      );
    });
  }

  count(): number {
    return totals(this.#db, null).here;
  }

  *byAge(started: number): Generator<readonly Copy[]> {
    let last: Verification = { at: -1, path: "" };
    for (;;) {
      const rows = prepared(
        this.#db,
        `SELECT path, at, size, mtime, digest FROM verification CROSS JOIN copy USING (path)
         WHERE (at, path) > (:at, :path) AND at < :started ORDER BY at, path LIMIT ${page}`,
      ).all({ ...last, started }) as unknown as (Copy & Verification)[];
      if (rows.length === 0) return;
      const { at, path } = rows.at(-1)!;
      last = { at, path };
      yield rows;
    }
  }

  verified(paths: readonly string[], at: number): void {
    noteVerified(this.#db, paths, at);
  }

  refetch(paths: readonly string[]): ReadonlySet<string> {
    const everything = { wants: () => true, fingerprint: "" };
    return new SynchronisedList(this.#db, everything).refetch(paths);
  }
}

/** Notes in the table `verification` when files were verified. */
export function noteVerified(
  db: DatabaseSync,
  paths: readonly string[],
  at: number,
): void {
  transaction(db, () => {
    for (const path of paths) {
      prepared(db, "UPDATE verification SET at = ? WHERE path = ?")
        .run(at, path);
    }
  });
}
