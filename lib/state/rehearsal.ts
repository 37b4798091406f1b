/**
 * Trying out changes of a state that is only read: what a dry run would write
 * is kept beside the tables, and seen in them, by this connection alone.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import { prepared } from "./prepared.ts";

/** Tables that reading a list, or choosing a server, changes. Others refuse to be written. */
const rehearsed = [
  "memory",
  "list",
  "entry",
  "generation",
  "superseded",
  "withdrawal",
  "resolution",
  "refusal",
  "passed_over",
  "line_set",
];

/** Room for what is tried out; beyond it SQLite goes on in a file without a name. */
const memoryKiB = 16_384;

/** States that are rehearsed. */
const rehearsals = new WeakSet<DatabaseSync>();

/** Lets `db`, which is open for reading, take changes that end with it. */
export function rehearse(db: DatabaseSync): void {
  rehearsals.add(db);
  db.exec(`PRAGMA temp.cache_size = -${memoryKiB}`);
  for (const table of rehearsed) overlay(db, table);
}

/**
 * Lets a rehearsal take changes of `table` too, if it is one that usually takes
 * none: where a table is joined, looking at it through what was changed is slow.
 */
export function willChange(db: DatabaseSync, table: string): void {
  if (rehearsals.has(db)) overlay(db, table);
}

/**
 * Hides `table` behind a temporary view of the same name, which shows the rows of
 * the table with what was changed. Two things that SQL can do to a table it
 * cannot do to a view: ON CONFLICT … DO UPDATE, which SQLite refuses, and
 * OR IGNORE, which would not see the rows of the table.
 */
function overlay(db: DatabaseSync, table: string): void {
  const all = columnsOf(db, table);
  // It is a view already, or this schema has none.
  if (all.length === 0 || isOverlaid(db, table)) return;
  const names = all.map(({ name }) => quoted(name));
  const keys = all.filter(({ pk }) => pk > 0).sort((a, b) => a.pk - b.pk)
    .map(({ name }) => quoted(name));
  const changed = `temp.changed_${table}`;
  const hidden = `temp.hidden_${table}`;
  const row = (which: string, columns = names) =>
    columns.map((name) => `${which}.${name}`).join(", ");
  const hide = (which: string) =>
    `INSERT OR IGNORE INTO hidden_${table} VALUES (${row(which, keys)});`;
  // A view has no defaults: a column that is not named would be NULL.
  const given = all.map(({ name, dflt_value }) =>
    dflt_value === null
      ? `NEW.${quoted(name)}`
      : `coalesce(NEW.${quoted(name)}, ${dflt_value})`
  );
  const put = `
    INSERT OR REPLACE INTO changed_${table} VALUES (${given});
    ${hide("NEW")}`;
  const take = `
    DELETE FROM changed_${table} WHERE (${keys}) = (${row("OLD", keys)});
    ${hide("OLD")}`;
  const typed = all.map(({ name, type }) => `${quoted(name)} ${type}`);
  db.exec(`
    CREATE TABLE ${changed} (${typed}, PRIMARY KEY (${keys})) WITHOUT ROWID;
    CREATE TABLE ${hidden} (${keys}, PRIMARY KEY (${keys})) WITHOUT ROWID;
    CREATE TEMP VIEW ${table} AS
      SELECT ${names} FROM ${changed}
      UNION ALL
      SELECT ${names} FROM main.${table} AS kept WHERE NOT EXISTS (
        SELECT 1 FROM ${hidden} AS hidden
        WHERE (${row("hidden", keys)}) = (${row("kept", keys)}));
    CREATE TEMP TRIGGER ${table}_put INSTEAD OF INSERT ON ${table}
      BEGIN ${put} END;
    CREATE TEMP TRIGGER ${table}_changed INSTEAD OF UPDATE ON ${table}
      BEGIN ${take} ${put} END;
    CREATE TEMP TRIGGER ${table}_gone INSTEAD OF DELETE ON ${table}
      BEGIN ${take} END;`);
  for (const sql of indexesOf(db, table)) db.exec(sql);
}

interface Column {
  readonly name: string;
  readonly type: string;
  /** Its place in the primary key; 0 if it is no part of it. */
  readonly pk: number;
  /** Its default, as SQL. */
  readonly dflt_value: string | null;
}

function columnsOf(db: DatabaseSync, table: string): Column[] {
  return prepared(
    db,
    "SELECT name, type, pk, dflt_value FROM pragma_table_info(?, 'main')",
  ).all(table) as unknown as Column[];
}

function isOverlaid(db: DatabaseSync, table: string): boolean {
  return prepared(
    db,
    "SELECT 1 FROM temp.sqlite_schema WHERE type = 'view' AND name = ?",
  ).get(table) !== undefined;
}

/** Returns the statements that make the indexes of `table` for its changed rows as well. */
function indexesOf(db: DatabaseSync, table: string): string[] {
  const made = prepared(
    db,
    `SELECT name, sql FROM main.sqlite_schema
     WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL`,
  ).all(table) as { name: string; sql: string }[];
  return made.map(({ name, sql }) =>
    `CREATE INDEX temp.changed_${name} ON changed_${table} ${
      sql.slice(sql.indexOf("("))
    }`
  );
}

function quoted(name: string): string {
  return `"${name}"`;
}
