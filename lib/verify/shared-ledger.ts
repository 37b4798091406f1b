/**
 * What the nodes of a cluster know of the files to verify. Each node remembers in its
 * own state when it has verified them; the shared list is only read.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import type { Database } from "../cluster/database.ts";
import { transaction } from "../state/database.ts";
import { prepared } from "../state/prepared.ts";
import {
  type Copies,
  type Copy,
  noteVerified,
  page,
  type Verification,
  type Verifications,
} from "./ledger.ts";

/** Files asked for at a time where nothing else is done with them. */
const longPage = 5_000;

const texts = {
  copies:
    "SELECT path, size, mtime, digest FROM copy WHERE path = ANY ($1) ORDER BY path",
  // A node may have put a file in place that it has not committed yet.
  copy: `
    SELECT path, size, mtime, digest FROM copy
    WHERE path = $1 AND NOT EXISTS (
      SELECT 1 FROM claimed WHERE claimed.path = copy.path AND claim IS NOT NULL)`,
  among: `
    SELECT path FROM copy WHERE path = ANY ($1)
    UNION SELECT path FROM claimed WHERE path = ANY ($1) AND claim IS NOT NULL`,
  byPath: `
    SELECT path, size, mtime, NULL AS digest FROM copy
    WHERE path > $1 ORDER BY path LIMIT ${longPage}`,
  count: "SELECT count(*) AS files FROM copy",
  // What another server names in the same version can be fetched from there.
  refetch: `
    INSERT INTO refetch
    SELECT DISTINCT entry.path FROM list CROSS JOIN unnest($1::text[]) AS given (path)
    JOIN entry ON entry.server = list.server AND entry.path = given.path
    WHERE standing = 'here'
    ON CONFLICT (path) DO UPDATE SET path = EXCLUDED.path
    RETURNING path`,
};

/** The copies of a replica that several nodes share. */
export class SharedCopies implements Copies {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async copy(path: string): Promise<Copy | undefined> {
    const [row] = await this.#database.query<Copy>(texts.copy, [path]);
    return row;
  }

  async among(paths: readonly string[]): Promise<ReadonlySet<string>> {
    const rows = await this.#database.query<{ path: string }>(texts.among, [
      paths,
    ]);
    return new Set(rows.map(({ path }) => path));
  }

  async *byPath(): AsyncGenerator<readonly Copy[]> {
    for (let last = "";;) {
      const rows = await this.#database.query<Copy>(texts.byPath, [last]);
      if (rows.length > 0) yield rows;
      if (rows.length < longPage) return;
      last = rows.at(-1)!.path;
    }
  }

  /** Returns what should be under these paths. */
  protected copies(paths: readonly string[]): Promise<readonly Copy[]> {
    return this.#database.query<Copy>(texts.copies, [paths]);
  }
}

/** The same, with what this node has verified. */
export class SharedLedger extends SharedCopies implements Verifications {
  readonly #database: Database;
  readonly #db: DatabaseSync;

  private constructor(database: Database, db: DatabaseSync) {
    super(database);
    this.#database = database;
    this.#db = db;
  }

  /**
   * Takes the files that are here by now into the table `verification` of `db`, the
   * state of this node.
   *
   * @throws {LocalError} If the database does not answer.
   */
  static async open(
    database: Database,
    db: DatabaseSync,
  ): Promise<SharedLedger> {
    const ledger = new SharedLedger(database, db);
    const add = prepared(
      db,
      "INSERT OR IGNORE INTO verification VALUES (?, 0)",
    );
    for await (const copies of ledger.byPath()) {
      transaction(db, () => {
        for (const { path } of copies) add.run(path);
      });
    }
    return ledger;
  }

  async count(): Promise<number> {
    const [row] = await this.#database.query<{ files: number }>(texts.count);
    return row!.files;
  }

  async *byAge(started: number): AsyncGenerator<readonly Copy[]> {
    let last: Verification = { at: -1, path: "" };
    for (;;) {
      const rows = prepared(
        this.#db,
        `SELECT path, at FROM verification
         WHERE (at, path) > (:at, :path) AND at < :started
         ORDER BY at, path LIMIT ${page}`,
      ).all({ ...last, started }) as unknown as Verification[];
      if (rows.length === 0) return;
      const paths = rows.map(({ path }) => path);
      const copies = new Map(
        (await this.copies(paths)).map((copy) => [copy.path, copy]),
      );
      this.#forget(paths.filter((path) => !copies.has(path)));
      const { at, path } = rows.at(-1)!;
      last = { at, path };
      yield paths.flatMap((path) => copies.get(path) ?? []);
    }
  }

  verified(paths: readonly string[], at: number): void {
    noteVerified(this.#db, paths, at);
  }

  /** Asks the node that leads: it alone changes what is wanted. */
  async refetch(paths: readonly string[]): Promise<ReadonlySet<string>> {
    const rows = await this.#database.query<{ path: string }>(texts.refetch, [
      paths,
    ]);
    return new Set(rows.map(({ path }) => path));
  }

  /** Forgets files that are no longer to be here. */
  #forget(paths: readonly string[]): void {
    transaction(this.#db, () => {
      for (const path of paths) {
        prepared(this.#db, "DELETE FROM verification WHERE path = ?").run(path);
      }
    });
  }
}
