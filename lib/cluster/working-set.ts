/**
 * A part of the shared state, in memory, on which the synchronised list works as on
 * any other state: the rows of some paths are loaded into SQLite, changed there, and
 * what was changed is written back.
 *
 * @module
 */

import { DatabaseSync, type StatementSync } from "node:sqlite";
import { prepared } from "../state/prepared.ts";
import { migrate } from "../state/schema.ts";
import { run, type Session } from "./database.ts";
import { quoted, type Row, TableRows } from "./rows.ts";

/** How the rows of each table are found that belong to the paths in `$1`. */
const found = {
  list: "SELECT * FROM list",
  generation: "SELECT * FROM generation",
  // By each key: PostgreSQL would rather read all entries of the servers.
  entry: `
    SELECT entry.* FROM list CROSS JOIN unnest($1::text[]) AS given (path)
    CROSS JOIN LATERAL (
      SELECT * FROM entry
      WHERE entry.server = list.server AND entry.path = given.path) AS entry`,
  superseded: `
    SELECT superseded.* FROM (SELECT server FROM list UNION ALL SELECT '') AS list
    CROSS JOIN unnest($1::text[]) AS given (path)
    CROSS JOIN LATERAL (
      SELECT * FROM superseded
      WHERE superseded.server = list.server AND superseded.path = given.path
    ) AS superseded`,
  copy: byPath("copy"),
  withdrawal: byPath("withdrawal"),
  resolution: byPath("resolution"),
  refusal: "SELECT * FROM refusal",
} as const;

/** A table of which rows are loaded. */
export type Table = keyof typeof found;

/** Tables that a working set holds. */
export const tables = Object.keys(found) as Table[];

/** Those that are loaded whole. */
const whole = new Set<Table>(["list", "generation", "refusal"]);

/** Rows of some paths. */
export class WorkingSet implements Disposable {
  /** The rows, in the tables of a state. */
  readonly db: DatabaseSync = new DatabaseSync(":memory:");
  readonly #tables: readonly SharedTable[];

  constructor() {
    migrate(this.db);
    this.db.exec("PRAGMA recursive_triggers = ON");
    this.#tables = tables.map((name) => new SharedTable(this.db, name));
  }

  /** Replaces what was loaded before by the rows of `paths`, and of their paths on the servers. */
  async load(session: Session, paths: readonly string[]): Promise<void> {
    for (const table of this.#tables) table.clear();
    await this.#add(session, [...new Set(paths)]);
    const remote = prepared(
      this.db,
      "SELECT DISTINCT remote FROM entry WHERE remote IS NOT NULL",
    ).all() as { remote: string }[];
    if (remote.length > 0) {
      await this.#add(session, remote.map(({ remote }) => remote));
    }
    for (const table of this.#tables) table.forgetChanges();
  }

  async #add(session: Session, paths: readonly string[]): Promise<void> {
    // All requests leave at once.
    const loaded = await Promise.all(
      this.#tables.map(({ name }) =>
        run<Row>(session, found[name], whole.has(name) ? [] : [paths])
      ),
    );
    for (const [index, rows] of loaded.entries()) {
      this.#tables[index]!.put(rows);
    }
  }

  /** Number and bytes of the files here that are loaded. */
  get tally(): { readonly files: number; readonly bytes: number } {
    return prepared(this.db, "SELECT files, bytes FROM tally").get() as {
      files: number;
      bytes: number;
    };
  }

  /** Writes what was changed since {@link load}. */
  async store(session: Session): Promise<void> {
    await Promise.all(
      this.#tables.flatMap((table) => {
        const { gone, changed } = table.changes();
        return [
          ...gone.length === 0
            ? []
            : [run(session, table.deletion, [JSON.stringify(gone)])],
          ...changed.length === 0
            ? []
            : [run(session, table.upsert, [JSON.stringify(changed)])],
        ];
      }),
    );
  }

  [Symbol.dispose](): void {
    this.db.close();
  }
}

/** One table on both sides. */
class SharedTable {
  readonly name: Table;
  /** Statement of PostgreSQL that writes rows, given as JSON. */
  readonly upsert: string;
  /** Statement of PostgreSQL that removes the rows of keys, given as JSON. */
  readonly deletion: string;
  readonly #db: DatabaseSync;
  readonly #rows: TableRows;
  readonly #changed: StatementSync;
  readonly #gone: StatementSync;

  constructor(db: DatabaseSync, name: Table) {
    this.name = name;
    this.#db = db;
    this.#rows = new TableRows(db, name);
    const { columns } = this.#rows;
    const all = columns.map(({ name }) => quoted(name));
    const keys = columns.filter(({ pk }) => pk > 0)
      .sort((a, b) => a.pk - b.pk).map(({ name }) => quoted(name));
    const others = all.filter((column) => !keys.includes(column));
    noteChanges(db, name, keys);
    this.#changed = prepared(
      db,
      `SELECT kept.* FROM changed_${name} JOIN ${name} AS kept USING (${keys})`,
    );
    this.#gone = prepared(
      db,
      `SELECT * FROM changed_${name} AS gone WHERE NOT EXISTS (
         SELECT 1 FROM ${name} AS kept
         WHERE (${of("kept", keys)}) = (${of("gone", keys)}))`,
    );
    const given = `jsonb_populate_recordset(NULL::${name}, $1::text::jsonb)`;
    this.upsert = `
      INSERT INTO ${name} (${all}) SELECT ${all} FROM ${given}
      ON CONFLICT (${keys}) DO UPDATE SET ${
      others.map((column) => `${column} = EXCLUDED.${column}`)
    }`;
    this.deletion = `
      DELETE FROM ${name} USING ${given} AS gone
      WHERE (${of(name, keys)}) = (${of("gone", keys)})`;
  }

  clear(): void {
    this.#db.exec(`DELETE FROM ${this.name}`);
  }

  put(rows: readonly Row[]): void {
    this.#rows.put(rows);
  }

  forgetChanges(): void {
    this.#db.exec(`DELETE FROM changed_${this.name}`);
  }

  /** Rows that are new or have changed, and keys of those that are gone. */
  changes(): { changed: unknown[]; gone: unknown[] } {
    return {
      changed: this.#changed.all().map(asJson),
      gone: this.#gone.all().map(asJson),
    };
  }
}

/** Has the keys of all rows noted that are put, changed or removed from now on. */
function noteChanges(db: DatabaseSync, table: Table, keys: string[]): void {
  const note = (row: "NEW" | "OLD") =>
    `INSERT OR IGNORE INTO changed_${table} VALUES (${of(row, keys)});`;
  db.exec(`
    CREATE TEMP TABLE changed_${table} (${keys}, PRIMARY KEY (${keys}))
      WITHOUT ROWID;
    CREATE TEMP TRIGGER note_put_${table} AFTER INSERT ON ${table}
      BEGIN ${note("NEW")} END;
    CREATE TEMP TRIGGER note_changed_${table} AFTER UPDATE ON ${table}
      BEGIN ${note("OLD")} ${note("NEW")} END;
    CREATE TEMP TRIGGER note_gone_${table} AFTER DELETE ON ${table}
      BEGIN ${note("OLD")} END;`);
}

/** JSON has no bytes: PostgreSQL reads them from this text. */
function asJson(row: object): object {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      value instanceof Uint8Array ? `\\x${value.toHex()}` : value,
    ]),
  );
}

function byPath(table: string): string {
  return `
    SELECT ${table}.* FROM unnest($1::text[]) AS given (path)
    CROSS JOIN LATERAL (
      SELECT * FROM ${table} WHERE ${table}.path = given.path) AS ${table}`;
}

function of(row: string, columns: readonly string[]): string {
  return columns.map((column) => `${row}.${column}`).join(", ");
}
