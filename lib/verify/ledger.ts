/**
 * What the state knows of the files to verify, and when each one was verified
 * last.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import type { Digest } from "../list/entry.ts";
import { transaction } from "../state/database.ts";
import { prepared } from "../state/prepared.ts";
import type { Timestamp } from "../text/timestamp.ts";

/** A file as it should be on the replica. */
export interface Copy {
  readonly path: string;
  readonly size: number;
  readonly mtime: Timestamp;
  /** `null`: nobody knows; its size and its date must do. */
  readonly digest: Digest | null;
}

/** Returns what should be under `path` now; `undefined` if nothing should. */
export function copyOf(db: DatabaseSync, path: string): Copy | undefined {
  return prepared(
    db,
    "SELECT path, size, mtime, digest FROM copy WHERE path = ?",
  ).get(path) as Copy | undefined;
}

/** Returns those of some paths under which a copy should be. */
export function amongCopies(
  db: DatabaseSync,
  paths: readonly string[],
): ReadonlySet<string> {
  const rows = prepared(
    db,
    "SELECT path FROM copy WHERE path IN (SELECT value FROM json_each(?))",
  ).all(JSON.stringify(paths)) as { path: string }[];
  return new Set(rows.map(({ path }) => path));
}

interface Row extends Copy {
  /** When it was verified last, in seconds since the epoch; 0: never. */
  readonly at: number;
}

/** Files asked for, and noted, at a time: nothing holds the state for long. */
const page = 500;

/** The table `verification`; its only writer. */
export class Ledger {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
    transaction(db, () => {
      db.exec("INSERT OR IGNORE INTO verification SELECT path, 0 FROM copy");
      db.exec(
        "DELETE FROM verification WHERE NOT EXISTS (SELECT 1 FROM copy WHERE copy.path = verification.path)",
      );
    });
  }

  /** Yields pages of the files that were last verified before `started`, in seconds since the epoch; those of the longest ago first. */
  *pages(started: number): Generator<readonly Copy[]> {
    let last = { at: -1, path: "" };
    for (;;) {
      const rows = prepared(
        this.#db,
        `SELECT path, at, size, mtime, digest FROM verification CROSS JOIN copy USING (path)
         WHERE (at, path) > (:at, :path) AND at < :started ORDER BY at, path LIMIT ${page}`,
      ).all({ ...last, started }) as unknown as Row[];
      if (rows.length === 0) return;
      const { at, path } = rows.at(-1)!;
      last = { at, path };
      yield rows;
    }
  }

  /** See {@link copyOf}. */
  copy(path: string): Copy | undefined {
    return copyOf(this.#db, path);
  }

  /** Notes that these files were verified at `at`, in seconds since the epoch, whatever came of it. */
  verified(paths: readonly string[], at: number): void {
    transaction(this.#db, () => {
      for (const path of paths) {
        prepared(this.#db, "UPDATE verification SET at = ? WHERE path = ?")
          .run(at, path);
      }
    });
  }
}
