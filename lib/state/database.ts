/**
 * The SQLite file that holds the state.
 *
 * @module
 */

import { openIfThere } from "../files/if-there.ts";
import { DatabaseSync } from "node:sqlite";
import type { CopyOrder } from "../config/config.ts";
import {
  DamagedStateError,
  isDamage,
  LocalError,
  RelaisError,
  stateHint,
} from "../errors.ts";
import { rehearse } from "./rehearsal.ts";
import { migrate, schemaVersion, shadow, versionOf } from "./schema.ts";
import { systemReason } from "../text/system-reason.ts";

/** Size of one read of the state. */
const readBytes = 1_048_576;

/** Memory that a temporary state takes. */
const temporaryKiB = 16_384;

/** Returns the path of the database in a state directory. */
export function databasePath(stateDirectory: string): string {
  return `${stateDirectory}/relais.db`;
}

/**
 * Tells whether there is a state.
 *
 * @throws {LocalError} If nobody can tell, because a file stands where its directory is to be.
 */
export function hasState(stateDirectory: string): boolean {
  const path = databasePath(stateDirectory);
  try {
    return (sizeOf(path) ?? 0) > 0;
  } catch (error) {
    throw cannotOpen(path, error);
  }
}

/**
 * Makes the state if there is none, before several modules open it at once: one
 * that another is just making would look as if it had been emptied.
 *
 * @throws {DamagedStateError} If it is empty.
 * @throws {LocalError} If it cannot be made.
 */
export function ensureState(stateDirectory: string): void {
  const path = databasePath(stateDirectory);
  if (hasState(stateDirectory)) return;
  const isMissing = sizeOf(path) === undefined;
  try {
    openState(stateDirectory).close();
  } catch (error) {
    // What a full disk has left of it would look as if it had been emptied.
    if (isMissing && sizeOf(path) === 0) Deno.removeSync(path);
    throw error;
  }
}

/**
 * Reads the state to its end, past SQLite, which may take a disk that fails for
 * damage.
 *
 * @throws {LocalError} If it cannot be read.
 */
export function assertReadable(stateDirectory: string): void {
  const path = databasePath(stateDirectory);
  const bytes = new Uint8Array(readBytes);
  try {
    for (const part of [path, `${path}-wal`]) {
      // SQLite removes the log with the last connection, at any moment.
      using file = openIfThere(part);
      while ((file?.readSync(bytes) ?? null) !== null);
    }
  } catch (error) {
    throw cannotOpen(path, error);
  }
}

/**
 * Opens the state for writing, and creates it if there is none.
 * WAL with `synchronous=FULL`: NORMAL loses committed rows in a power cut.
 *
 * @throws {DamagedStateError} If it is no state, or no longer one.
 * @throws {LocalError} If it cannot be opened, or a newer relais wrote it.
 */
export function openState(stateDirectory: string): DatabaseSync {
  const path = databasePath(stateDirectory);
  try {
    if (sizeOf(path) === 0) {
      throw new DamagedStateError(`The state ${path} is empty`);
    }
    const db = new DatabaseSync(path, { timeout: 5_000 });
    db.exec(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -4000;",
    );
    // Without it a row that replaces another one goes without a trigger for that one.
    db.exec("PRAGMA recursive_triggers = ON");
    bringUpToDate(db, path);
    return db;
  } catch (error) {
    throw cannotOpen(path, error);
  }
}

/**
 * Opens the state for reading. Returns `undefined` if there is no state yet.
 *
 * @throws {DamagedStateError} If it is no state, or no longer one.
 * @throws {LocalError} If it cannot be read, or another relais wrote it.
 */
export function readState(stateDirectory: string): DatabaseSync | undefined {
  const path = databasePath(stateDirectory);
  const db = openForReading(path);
  if (db === undefined) return undefined;
  const version = versionOf(db);
  if (version === schemaVersion) return db;
  db.close();
  // Somebody is just making it.
  if (version === 0) return undefined;
  throw new LocalError(
    `Cannot use the state ${path}: an older relais wrote it`,
    {
      hint: 'run "relais --once", which converts it',
    },
  );
}

/**
 * Opens the state so that it can be tried out: it is read as it is at this
 * moment, whoever else works with it, and what is changed ends with the
 * connection.
 *
 * @throws {DamagedStateError} If it is no state, or no longer one.
 * @throws {LocalError} If it cannot be read, or a newer relais wrote it.
 */
export function rehearseState(stateDirectory: string): DatabaseSync {
  const path = databasePath(stateDirectory);
  const db = openForReading(path);
  if (db === undefined) return emptyState();
  try {
    db.exec("BEGIN");
    const version = versionOf(db);
    if (version === schemaVersion) rehearse(db);
    // The rows of another schema have to be copied to be changed to this one.
    else if (version > 0) shadow(db);
    if (version > 0) return db;
  } catch (error) {
    db.close();
    throw cannotOpen(path, error);
  }
  // Somebody is just making it.
  db.close();
  return emptyState();
}

/**
 * Has the state open beside those who only read it, until disposed of. Reading
 * makes files beside a state that nobody has open, and only SQLite can tell
 * when nobody needs them any more: whoever may write removes them when it is
 * the last to close it. Returns `undefined` where there is nothing to remove, or
 * where closing would carry into the state what a crash has left beside it.
 */
export function keepTidy(stateDirectory: string): Disposable | undefined {
  const path = databasePath(stateDirectory);
  try {
    const left = sizeOf(`${path}-wal`) ?? 0;
    if (left > 0 || !hasState(stateDirectory)) return undefined;
    const db = new DatabaseSync(path, { timeout: 5_000 });
    db.exec("PRAGMA query_only = ON");
    versionOf(db);
    return db;
  } catch {
    // Whoever reads the state says what is wrong with it.
    return undefined;
  }
}

/**
 * Moves a damaged state out of the way and returns where it is now. Nobody may
 * have it open. It is never deleted: somebody may want to look at it.
 *
 * @throws {LocalError} If it cannot be moved.
 */
export function setAside(stateDirectory: string, now: Date): string {
  const path = databasePath(stateDirectory);
  const time = now.toISOString().slice(0, "2026-11-23T17:40:12".length);
  const aside = `${path}.damaged-${time.replaceAll(":", "-")}`;
  try {
    Deno.renameSync(path, aside);
    for (const side of ["-wal", "-shm"]) move(path + side, aside + side);
    return aside;
  } catch (error) {
    throw cannotOpen(path, error);
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
  // A rehearsal is one transaction from its start to its end.
  if (db.isTransaction) return part(db, work);
  db.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    db.exec("COMMIT");
    return result;
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

function part<Result>(db: DatabaseSync, work: () => Result): Result {
  db.exec("SAVEPOINT part");
  try {
    const result = work();
    db.exec("RELEASE part");
    return result;
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK TO part; RELEASE part");
    throw error;
  }
}

/** Makes an empty state that ends with its connection. What is too much for the memory goes to a file without a name. */
export function temporaryState(): DatabaseSync {
  const db = new DatabaseSync(":memory:");
  shadow(db);
  db.exec(`PRAGMA temp.cache_size = -${temporaryKiB}`);
  return db;
}

function emptyState(): DatabaseSync {
  const db = new DatabaseSync(":memory:");
  migrate(db);
  return db;
}

function openForReading(path: string): DatabaseSync | undefined {
  try {
    if ((sizeOf(path) ?? 0) === 0) return undefined;
    const db = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
    refuseNewer(db, path);
    return db;
  } catch (error) {
    throw cannotOpen(path, error);
  }
}

function bringUpToDate(db: DatabaseSync, path: string): void {
  refuseNewer(db, path);
  if (versionOf(db) === schemaVersion) return;
  // Another module may have come first: within the transaction it is asked again.
  transaction(db, () => migrate(db));
}

function refuseNewer(db: DatabaseSync, path: string): void {
  const version = versionOf(db);
  if (version <= schemaVersion) return;
  throw new LocalError(
    `Cannot use the state ${path}: a newer relais wrote it (schema ${version}, this one knows ${schemaVersion})`,
    {
      hint:
        "install that version again, or set replica.state to another directory",
    },
  );
}

/** Moves a file, if it is there: whoever closes a database last removes what is beside it. */
function move(path: string, to: string): void {
  try {
    Deno.renameSync(path, to);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function sizeOf(path: string): number | undefined {
  try {
    return Deno.lstatSync(path).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function cannotOpen(path: string, error: unknown): unknown {
  if (error instanceof RelaisError) return error;
  const { message } = error as Error;
  if (isDamage(error)) {
    return new DamagedStateError(`Cannot use the state ${path}: ${message}`);
  }
  return new LocalError(
    `Cannot open the state ${path}: ${systemReason(error)}`,
    {
      cause: error,
      hint: stateHint(message),
    },
  );
}
