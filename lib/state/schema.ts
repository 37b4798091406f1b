/**
 * The schema of the state, as the steps that led to it. A step that was
 * released is never changed: what it made lies on people's disks.
 *
 * Each table belongs to one module, which alone writes it: `memory` to
 * test-server, `list`, `entry` and `copy` to synchro-list, `pass` to stat.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";

/** What leads from each version of the schema to the next; the first makes it. */
const steps: readonly string[] = [
  `
-- What test-server remembers from one pass to the next, as JSON.
CREATE TABLE memory (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;

-- How far each server's list, or tree, has been read.
CREATE TABLE list (
  server     TEXT PRIMARY KEY,
  generation TEXT,             -- NULL: a tree
  "offset"   INTEGER NOT NULL,
  tail       BLOB NOT NULL,
  seq        INTEGER NOT NULL,
  reading    INTEGER NOT NULL, -- number of the reading from the start that is under way or was the last
  complete   INTEGER NOT NULL, -- number of the last one that reached the end
  filters    TEXT NOT NULL     -- include and exclude that the standings were judged by
) WITHOUT ROWID;

-- The synchronised list: what each server names, and how it stands to what is here.
CREATE TABLE entry (
  server    TEXT NOT NULL,
  path      TEXT NOT NULL,
  seq       INTEGER NOT NULL,
  generation TEXT,
  published TEXT NOT NULL,
  mtime     TEXT NOT NULL,
  size      INTEGER NOT NULL,
  mode      INTEGER,
  digest    TEXT,
  reading   INTEGER NOT NULL,
  standing  TEXT NOT NULL,
  error     TEXT,              -- why it could not be copied last time
  PRIMARY KEY (server, path)
) WITHOUT ROWID;
CREATE INDEX entry_wanted ON entry (server, seq) WHERE standing = 'wanted';
CREATE INDEX entry_withdrawn ON entry (server) WHERE standing = 'withdrawn';

-- What is on the replica, durably, and which entry it came from.
CREATE TABLE copy (
  path      TEXT PRIMARY KEY,
  server    TEXT NOT NULL,
  seq       INTEGER NOT NULL,
  generation TEXT,
  published TEXT NOT NULL,
  mtime     TEXT NOT NULL,
  size      INTEGER NOT NULL,
  mode      INTEGER,
  digest    TEXT,
  arrived   REAL NOT NULL,     -- seconds since the epoch
  announced INTEGER NOT NULL   -- whether hooks.on_new was told
) WITHOUT ROWID;
CREATE INDEX copy_unannounced ON copy (path) WHERE announced = 0;

-- One row a pass.
CREATE TABLE pass (
  started REAL PRIMARY KEY,    -- seconds since the epoch
  report  TEXT NOT NULL        -- JSON, as --once --json prints it
) WITHOUT ROWID;
`,
  `
-- Finds a file here by its contents; small ones are fetched as quickly.
CREATE INDEX copy_contents ON copy (digest) WHERE size >= 65536;
`,
];

/** Version of the schema, kept in `PRAGMA user_version`. */
export const schemaVersion = steps.length;

/** Returns the version of the schema that is in `db`; 0 if there is none. */
export function versionOf(db: DatabaseSync): number {
  const row = db.prepare("PRAGMA user_version").get() as {
    user_version: number;
  };
  return row.user_version;
}

/** Brings the schema of `db` to `version`. To be called in a transaction. */
export function migrate(db: DatabaseSync, version = schemaVersion): void {
  for (const step of steps.slice(versionOf(db), version)) db.exec(step);
  db.exec(`PRAGMA user_version = ${version}`);
}

/**
 * Hides every table of `db` behind a temporary one of the same name and the
 * same rows, with the schema of this relais: `db` itself is only read.
 */
export function shadow(db: DatabaseSync): void {
  db.exec("PRAGMA temp_store = MEMORY");
  const made = db.prepare(
    "SELECT type, name, sql FROM main.sqlite_schema WHERE sql IS NOT NULL ORDER BY type = 'index'",
  ).all() as { type: string; name: string; sql: string }[];
  for (const { type, name, sql } of made) {
    db.exec(temporary(sql));
    if (type !== "table") continue;
    db.exec(`INSERT INTO temp.${name} SELECT * FROM main.${name}`);
  }
  for (const step of steps.slice(versionOf(db))) db.exec(temporary(step));
}

/** Turns statements that make tables and indexes into those that make temporary ones. */
function temporary(sql: string): string {
  return sql.replaceAll(/^CREATE TABLE /gm, "CREATE TEMP TABLE ")
    .replaceAll(/^CREATE INDEX /gm, "CREATE INDEX temp.");
}
