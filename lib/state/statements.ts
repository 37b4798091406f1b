/**
 * The SQL of the synchronised list, over the tables `list`, `entry` and `copy`.
 *
 * @module
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { leastSigned } from "../delta/least-signed.ts";

const columns =
  "path, server, seq, generation, published, mtime, size, mode, digest";
const offer = `${columns}, op, number, here, standing`;

const wanted = `
  SELECT entry.path, entry.remote, entry.seq, entry.mtime, entry.size, entry.mode, entry.digest,
    entry.generation IS NULL AS inTree, entry.error IS NOT NULL AS failedBefore,
    copy.mtime AS mtimeHere, copy.size AS sizeHere, copy.digest AS digestHere,
    (SELECT path FROM copy AS other
      WHERE other.digest = entry.digest AND other.size = entry.size
        AND other.size >= ${leastSigned} LIMIT 1) AS twin
  FROM entry LEFT JOIN copy USING (path)
  WHERE entry.server = :server AND standing = 'wanted'`;
const arrived = `(
  SELECT value ->> 'path' AS arrivedPath, value ->> 'seq' AS arrivedSeq,
    value ->> 'fetched' AS fetched
  FROM json_each(:files))`;
const withdrawal = `
  SELECT path, server, '-' AS op, seq, generation, published, mtime, 0 AS size, NULL AS mode,
    NULL AS digest
  FROM withdrawal`;
const copied =
  `SELECT path, server, '+' AS op, seq, generation, published, mtime, size, mode, digest FROM copy`;
const anyServer = "server IN (SELECT server FROM list)";
/** Withdrawals that the active server does not contradict. */
const undisputed = `(entry.server = :active OR NOT EXISTS (
  SELECT 1 FROM entry AS named
  WHERE named.server = :active AND named.path = entry.path AND named.op = '+'))`;
const given = "path IN (SELECT value FROM json_each(:paths))";

const texts = {
  list: "SELECT * FROM list WHERE server = :server",
  beginReading: `
      INSERT OR REPLACE INTO list (server, generation, "offset", tail, seq, reading, complete,
        filters, charset, branch, sets)
      VALUES (:server, :generation, 0, x'', 0, :reading, :complete, :filters, :charset, :branch, :sets)`,
  advance: `
      UPDATE list SET "offset" = :offset, tail = :tail, seq = :seq, modified = :modified,
        sets = CASE WHEN :sets THEN sets END
      WHERE server = :server`,
  // Files that lie in a directory, and not in one below it.
  namedIn: `
      SELECT ${offer} FROM entry
      WHERE server = :server AND path > :from AND path < :to AND op = '+'
        AND instr(substr(path, length(:from) + 1), '/') = 0`,
  namedBelow: `
      SELECT ${offer} FROM entry
      WHERE server = :server AND path > :from AND path < :to AND op = '+'`,
  // By the order of which there is an index of what is wanted, whichever that is.
  wantedPaths: `
      SELECT path FROM entry WHERE server = :server AND standing = 'wanted'
      ORDER BY CAST(published AS REAL)`,
  completeReading: "UPDATE list SET complete = :number WHERE server = :server",
  refilter: "UPDATE list SET filters = :filters WHERE server = :server",
  staleFilters:
    "SELECT server FROM list WHERE filters <> :filters ORDER BY server",
  entry:
    `SELECT ${offer}, reading FROM entry WHERE server = :server AND path = :path`,
  // In the order of the primary key: to ask for it would have a rehearsal sort all rows for each page.
  unnamed: `
      SELECT ${offer} FROM entry
      WHERE server = :server AND path > :after AND reading < :number AND op = '+'
      LIMIT :page`,
  // Without names: looking them up would take as long as half of the rest.
  put: `
      INSERT OR REPLACE INTO entry (${offer}, remote, reading)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  readAgain: `
      UPDATE entry SET reading = :reading, seq = :seq, generation = :generation
      WHERE server = :server AND path = :path`,
  judge: `
      UPDATE entry SET standing = :standing, error = NULL
      WHERE server = :server AND path = :path`,
  page: `
      SELECT ${offer} FROM entry WHERE server = :server AND path > :after
      ORDER BY path LIMIT :page`,
  oldest: `
      ${wanted} AND entry.seq > :seq
      ORDER BY entry.seq LIMIT :limit`,
  smallest: `
      ${wanted} AND (entry.size, entry.seq) > (:size, :seq)
      ORDER BY entry.size, entry.seq LIMIT :limit`,
  ofSet: `
      ${
    wanted.replace(
      "FROM entry LEFT",
      "FROM line_set AS part CROSS JOIN entry LEFT",
    )
  }
        AND part.server = :server AND part.unit = :unit
        AND entry.seq BETWEEN part.first AND part.last AND entry.seq > :seq
      ORDER BY entry.seq LIMIT :limit`,
  // total() and not sum(): sizes that a list makes up come to more than an integer holds.
  pending: `
      SELECT count(*) AS pending, total(size) AS bytes FROM entry
      WHERE server = :server AND standing = 'wanted'`,
  conflicts: `
      SELECT ${offer} FROM entry WHERE server = :server AND standing = 'conflict'
      ORDER BY path LIMIT :limit`,
  fail:
    "UPDATE entry SET error = :error WHERE server = :server AND path = :path",
  following: `
      SELECT ${offer} FROM entry
      WHERE server = :server AND standing = 'withdrawn' AND path > :after AND ${undisputed}
      ORDER BY path LIMIT :page`,
  withdrawn: `
      SELECT path, (SELECT size FROM copy WHERE copy.path = entry.path) AS size FROM entry
      WHERE server = :server AND path > :after AND standing = 'withdrawn' AND ${undisputed}
        AND EXISTS (SELECT 1 FROM copy WHERE copy.path = entry.path)
      ORDER BY path LIMIT :limit`,
  countWithdrawn: `
      SELECT count(*) AS files FROM entry CROSS JOIN copy USING (path)
      WHERE entry.server = :server AND standing = 'withdrawn' AND ${undisputed}
        AND NOT EXISTS (
          SELECT 1 FROM list AS before CROSS JOIN entry AS same
            ON same.server = before.server AND same.path = entry.path
          WHERE before.server < :server AND same.standing = 'withdrawn')`,
  // Every server is named: without it SQLite goes through all entries for each path.
  withdrawnAmong: `
      SELECT ${offer} FROM entry
      WHERE ${anyServer} AND ${given} AND +standing = 'withdrawn'`,
  namedAmong: `SELECT DISTINCT path FROM entry WHERE ${anyServer} AND ${given}`,
  follow: `
      INSERT OR REPLACE INTO withdrawal
        (path, server, seq, generation, published, mtime, kept, at)
      VALUES (:path, :server, :seq, :generation, :published, :mtime, :kept, :at)`,
  keepNoLonger: `
      UPDATE entry SET standing = 'withdrawn'
      WHERE server = :server AND standing = 'gone'
        AND path IN (SELECT path FROM withdrawal WHERE kept = 1)`,
  removeKept: `UPDATE withdrawal SET kept = 0 WHERE ${given}`,
  withdrawal: `${withdrawal} WHERE path = :path`,
  copy: `${copied} WHERE path = :path`,
  holdsAnything: `
      SELECT EXISTS (SELECT 1 FROM copy) OR EXISTS (SELECT 1 FROM withdrawal) AS holds`,
  replaced: `
      ${withdrawal} WHERE path IN (SELECT arrivedPath FROM ${arrived})
      UNION ALL
      ${copied} WHERE path IN (SELECT arrivedPath FROM ${arrived})
        AND NOT EXISTS (SELECT 1 FROM withdrawal WHERE withdrawal.path = copy.path)`,
  endWithdrawals: `
      DELETE FROM withdrawal WHERE path IN (SELECT arrivedPath FROM ${arrived})`,
  confirmCopy: `
      UPDATE copy SET server = :server, seq = :seq, generation = :generation,
        published = :published
      WHERE path = :path`,
  confirmWithdrawal: `
      UPDATE withdrawal SET server = :server, seq = :seq, generation = :generation,
        published = :published
      WHERE path = :path`,
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
  // What is here is another version now: none of those that other servers have named, until it is looked at.
  forgetHere: `
      UPDATE entry SET here = NULL,
        standing = CASE WHEN standing IN ('here', 'gone') THEN 'older' ELSE standing END
      WHERE server IN (SELECT server FROM list WHERE server <> :server) AND path = :path`,
  resolved: "SELECT 1 FROM resolution WHERE path = :path AND server = :server",
  resolutions: "SELECT path, server FROM resolution",
  endResolution: "DELETE FROM resolution WHERE path = :path",
  refetch: `
      UPDATE entry SET standing = 'wanted'
      WHERE ${anyServer} AND ${given} AND standing = 'here' RETURNING path`,
  removeCopies: `DELETE FROM copy WHERE ${given}`,
  count: "SELECT count(*) AS files FROM copy",
  unannounced: "SELECT path FROM copy WHERE announced = 0 ORDER BY path",
  announceSetLater:
    "INSERT INTO arrived_set (name, paths) VALUES (:name, :paths)",
  unannouncedSet: "SELECT * FROM arrived_set ORDER BY number LIMIT 1",
  announceSet: "DELETE FROM arrived_set WHERE number = :number",
  announce: `UPDATE copy SET announced = 1 WHERE ${given}`,
  servers: "SELECT server FROM list",
  forgetEntries: "DELETE FROM entry WHERE server = :server",
  forgetSuperseded: "DELETE FROM superseded WHERE server = :server",
  forgetList: "DELETE FROM list WHERE server = :server",
  // Withdrawals of paths that no server names any more, after a while: nothing could bring these files back.
  longGone: `
      SELECT path FROM withdrawal
      WHERE at < :before AND kept = 0 AND NOT EXISTS (
        SELECT 1 FROM entry WHERE ${anyServer} AND entry.path = withdrawal.path AND op = '+')
      ORDER BY at LIMIT :page`,
  forgetWithdrawal: "DELETE FROM withdrawal WHERE path = :path",
  forgetEntriesOf: `
      DELETE FROM entry WHERE ${anyServer} AND path = :path`,
  forgetSupersededOf: `
      DELETE FROM superseded
      WHERE server IN (SELECT server FROM list UNION SELECT '') AND path = :path`,
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

/** Returns the names of the servers that the state knows. */
export function namedServers({ servers }: Statements): string[] {
  return (servers.all() as { server: string }[]).map(({ server }) => server);
}
