/**
 * The SQL of the synchronised list, over the tables `list`, `entry` and `copy`.
 *
 * @module
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";

const columns =
  "path, server, seq, generation, published, mtime, size, mode, digest";

const named = "standing NOT IN ('withdrawn')";
const wanted = `
  SELECT entry.path, entry.remote, entry.seq, entry.mtime, entry.size, entry.mode, entry.digest,
    entry.error IS NOT NULL AS failedBefore,
    copy.mtime AS mtimeHere, copy.size AS sizeHere, copy.digest AS digestHere,
    (SELECT path FROM copy AS other
      WHERE other.digest = entry.digest AND other.size = entry.size
        AND other.size >= 65536 LIMIT 1) AS twin
  FROM entry LEFT JOIN copy USING (path)
  WHERE entry.server = :server AND standing = 'wanted'`;
const arrived = `(
  SELECT value ->> 'path' AS arrivedPath, value ->> 'seq' AS arrivedSeq,
    value ->> 'fetched' AS fetched
  FROM json_each(:files))`;
const anyServer = "server IN (SELECT server FROM list)";
const given = "path IN (SELECT value FROM json_each(:paths))";

const texts = {
  list: "SELECT * FROM list WHERE server = :server",
  beginReading: `
      INSERT OR REPLACE INTO list
      VALUES (:server, :generation, 0, x'', 0, :reading, :complete, :filters, :charset)`,
  advance: `
      UPDATE list SET "offset" = :offset, tail = :tail, seq = :seq WHERE server = :server`,
  completeReading: "UPDATE list SET complete = :number WHERE server = :server",
  refilter: "UPDATE list SET filters = :filters WHERE server = :server",
  forgetOrder:
    "UPDATE copy SET generation = NULL WHERE generation = :generation",
  withdrawUnnamed: `
      UPDATE entry SET standing = 'withdrawn'
      WHERE server = :server AND reading < :number
        AND EXISTS (SELECT 1 FROM copy
          WHERE copy.path = entry.path AND copy.server = :server)`,
  forgetUnnamed: `
      DELETE FROM entry
      WHERE server = :server AND reading < :number AND standing <> 'withdrawn'`,
  put: `
      INSERT OR REPLACE INTO entry (${columns}, remote, reading, standing)
      VALUES (:path, :server, :seq, :generation, :published, :mtime, :size, :mode, :digest,
        :remote, :reading, :standing)`,
  forget: "DELETE FROM entry WHERE server = :server AND path = :path",
  judge: `
      UPDATE entry SET standing = :standing, error = NULL
      WHERE server = :server AND path = :path`,
  named: `
      SELECT ${columns} FROM entry
      WHERE ${anyServer} AND path = :path AND ${named}`,
  page: `
      SELECT ${columns} FROM entry WHERE server = :server AND path > :after AND ${named}
      ORDER BY path LIMIT :page`,
  oldest: `
      ${wanted} AND entry.seq > :seq
      ORDER BY entry.seq LIMIT :limit`,
  smallest: `
      ${wanted} AND (entry.size, entry.seq) > (:size, :seq)
      ORDER BY entry.size, entry.seq LIMIT :limit`,
  // total() and not sum(): sizes that a list makes up come to more than an integer holds.
  pending: `
      SELECT count(*) AS pending, total(size) AS bytes FROM entry
      WHERE server = :server AND standing = 'wanted'`,
  oldestWanted: `
      SELECT min(CAST(published AS REAL)) AS oldest FROM entry WHERE standing = 'wanted'`,
  fail:
    "UPDATE entry SET error = :error WHERE server = :server AND path = :path",
  withdrawn: `
      SELECT copy.path, copy.size FROM entry CROSS JOIN copy USING (path)
      WHERE entry.server = :server AND entry.path > :after AND standing = 'withdrawn'
      ORDER BY entry.path LIMIT :limit`,
  countWithdrawn: `
      SELECT count(*) AS files FROM entry CROSS JOIN copy USING (path)
      WHERE entry.server = :server AND standing = 'withdrawn'`,
  // Every server is named: without it SQLite goes through all entries for each path.
  removeWithdrawn: `
      DELETE FROM entry WHERE ${anyServer} AND ${given} AND standing = 'withdrawn'`,
  namedAnywhere:
    `SELECT DISTINCT path FROM entry WHERE ${anyServer} AND ${given} AND ${named}`,
  copy: `SELECT ${columns} FROM copy WHERE path = :path`,
  // CROSS JOIN: SQLite would rather go through all entries for each file.
  arrive: `
      INSERT OR REPLACE INTO copy (${columns}, arrived, announced)
      SELECT ${columns}, :arrived, NOT (:announce AND fetched) AND NOT EXISTS (
        SELECT 1 FROM copy AS before
        WHERE before.path = arrivedPath AND before.announced = 0)
      FROM ${arrived} CROSS JOIN entry
      WHERE server = :server AND path = arrivedPath AND seq = arrivedSeq`,
  judgeArrived: `
      UPDATE entry SET standing = 'here', error = NULL
      WHERE server = :server AND path IN (SELECT arrivedPath FROM ${arrived})
        AND seq = (SELECT seq FROM copy WHERE copy.path = entry.path)`,
  namedElsewhere: `
      SELECT DISTINCT path FROM entry
      WHERE server IN (SELECT server FROM list WHERE server <> :server)
        AND path IN (SELECT arrivedPath FROM ${arrived})`,
  refetch: `
      UPDATE entry SET standing = 'wanted'
      WHERE ${anyServer} AND ${given} AND standing = 'here' RETURNING path`,
  removeCopies: `DELETE FROM copy WHERE ${given}`,
  count: "SELECT count(*) AS files FROM copy",
  unannounced: "SELECT path FROM copy WHERE announced = 0 ORDER BY path",
  announce: `UPDATE copy SET announced = 1 WHERE ${given}`,
};

/** The statements, by what they do. */
export type Statements = Readonly<Record<keyof typeof texts, StatementSync>>;

/** Prepares every statement once. */
export function prepareStatements(db: DatabaseSync): Statements {
  const prepared = Object.entries(texts).map((
    [name, text],
  ) => [name, db.prepare(text)]);
  return Object.fromEntries(prepared) as Statements;
}
