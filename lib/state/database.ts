/**
 * The SQLite file that holds the state, and its schema.
 *
 * Each table belongs to one module, which alone writes it: `memory` to
 * test-server, `list`, `entry` and `copy` to synchro-list, `pass` to stat.
 *
 * @module
 */

import { DatabaseSync } from "node:sqlite";
import type { CopyOrder } from "../config/config.ts";
import { LocalError } from "../errors.ts";

/** Version of the schema, kept in `PRAGMA user_version`. */
const schemaVersion = 1;

const schema = `
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
`;

/** Where the state of a replica lies, in its state directory. */
export function databasePath(stateDirectory: string): string {
  return `${stateDirectory}/relais.db`;
}

/**
 * Opens the state for writing, and creates it if there is none.
 * WAL with `synchronous=FULL`: NORMAL loses committed rows in a power cut.
 *
 * @throws {LocalError} If it cannot be opened, or a newer relais wrote it.
 */
export function openState(stateDirectory: string): DatabaseSync {
  const path = databasePath(stateDirectory);
  try {
    const db = new DatabaseSync(path, { timeout: 5_000 });
    db.exec(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -4000;",
    );
    migrate(db, path);
    return db;
  } catch (error) {
    throw cannotOpen(path, error);
  }
}

/**
 * Opens the state for reading. Returns `undefined` if there is no state yet.
 *
 * @throws {LocalError} If it cannot be read, or a newer relais wrote it.
 */
export function readState(stateDirectory: string): DatabaseSync | undefined {
  const path = databasePath(stateDirectory);
  if (!exists(path)) return undefined;
  try {
    const db = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
    checkVersion(db, path);
    return db;
  } catch (error) {
    throw cannotOpen(path, error);
  }
}

/**
 * Opens a copy of the state in memory: what a dry run changes is forgotten
 * with it. Its caller holds the lock of the state.
 *
 * @throws {LocalError} As {@link readState}.
 */
export function rehearseState(stateDirectory: string): DatabaseSync {
  const path = databasePath(stateDirectory);
  const beside = [`${path}-wal`, `${path}-shm`].filter((file) => !exists(file));
  const db = readState(stateDirectory);
  if (db === undefined) {
    const empty = new DatabaseSync(":memory:");
    empty.exec(schema);
    return empty;
  }
  copyToMemory(db);
  // Reading in WAL mode makes these files; nothing of the state is in them.
  for (const file of beside.filter(exists)) Deno.removeSync(file);
  return db;
}

/** A temporary table hides the one of the same name in the file. */
function copyToMemory(db: DatabaseSync): void {
  db.exec("PRAGMA temp_store = MEMORY");
  const tables = db.prepare(
    "SELECT name, sql FROM main.sqlite_schema WHERE type = 'table'",
  ).all() as { name: string; sql: string }[];
  for (const { name, sql } of tables) {
    db.exec(sql.replace("CREATE TABLE", "CREATE TEMP TABLE"));
    db.exec(`INSERT INTO temp.${name} SELECT * FROM main.${name}`);
  }
}

/** Keeps the index that fetching in `order` needs, and none that it does not. */
export function keepIndexOf(db: DatabaseSync, order: CopyOrder): void {
  db.exec(
    order === "smallest"
      ? `CREATE INDEX IF NOT EXISTS entry_smallest ON entry (server, size, seq)
           WHERE standing = 'wanted'`
      : "DROP INDEX IF EXISTS entry_smallest",
  );
}

/** Runs `work` in one transaction: all of it happens, or none. */
export function transaction<Result>(
  db: DatabaseSync,
  work: () => Result,
): Result {
  db.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    db.exec("COMMIT");
    return result;
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw isSqlite(error) ? cannotWrite(error) : error;
  }
}

function isSqlite(error: unknown): error is Error {
  return (error as { code?: unknown }).code === "ERR_SQLITE_ERROR";
}

function cannotWrite(error: Error): LocalError {
  return new LocalError(`Cannot write the state: ${error.message}`, {
    cause: error,
    hint: "see that the disk of replica.state has room and can be written",
  });
}

function migrate(db: DatabaseSync, path: string): void {
  if (checkVersion(db, path) === schemaVersion) return;
  transaction(db, () => {
    // Another module may have come first.
    if (versionOf(db) === schemaVersion) return;
    db.exec(schema);
    db.exec(`PRAGMA user_version = ${schemaVersion}`);
  });
}

function checkVersion(db: DatabaseSync, path: string): number {
  const version = versionOf(db);
  if (version <= schemaVersion) return version;
  throw new LocalError(
    `Cannot use the state ${path}: a newer relais wrote it (schema ${version}, this one knows ${schemaVersion})`,
    {
      hint: "install that relais again, or give this one another replica.state",
    },
  );
}

function versionOf(db: DatabaseSync): number {
  const row = db.prepare("PRAGMA user_version").get() as {
    user_version: number;
  };
  return row.user_version;
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function cannotOpen(path: string, error: unknown): LocalError {
  if (error instanceof LocalError) return error;
  return new LocalError(
    `Cannot open the state ${path}: ${(error as Error).message}`,
    { cause: error, hint: "see that its directory exists and can be written" },
  );
}
