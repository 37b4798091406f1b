/**
 * Looking at the state, without changing it. What `relais status` and the page
 * ask takes the same time however many files there are.
 *
 * @module
 */

import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { FailedFile } from "./pass-report.ts";
import type { Conflicts, Missing } from "./left.ts";
import { leastSigned } from "../delta/least-signed.ts";
import type { CopiedFile } from "../files/wanted.ts";
import type { Entry } from "../list/entry.ts";
import { refusedOf } from "./refusals.ts";
import { prepared } from "./prepared.ts";
import type { Standing } from "./standing.ts";

/** One line of the synchronised list, for a person. */
export interface ListedFile {
  readonly server: string;
  readonly path: string;
  readonly size: number;
  /** Decimal seconds since the epoch. */
  readonly mtime: string;
  readonly standing: Standing;
  /** Reason why the last attempt to copy it failed. */
  readonly error: string | null;
}

/** Number of files, and the lag of the replica. */
export interface Totals {
  readonly here: number;
  readonly bytes: number;
  /** Files of the active server that are to be fetched. */
  readonly pending: number;
  /** Files that could not be copied last time, of any server. */
  readonly failed: number;
}

/** A file on the replica. */
export interface FileHere {
  readonly path: string;
  readonly server: string;
  readonly size: number;
  /** Decimal seconds since the epoch. */
  readonly mtime: string;
  /** Time of arrival, in seconds since the epoch. */
  readonly arrived: number;
}

/** Files that stay away, at most, that a pass tells of. */
const missingTold = 1_000;

export type Selection = "all" | "wanted" | "failed";

/** What entries of each selection fulfil, as SQL. */
export const conditions: Readonly<Record<Selection, string>> = {
  all: "standing <> 'gone'",
  wanted: "standing = 'wanted'",
  failed: "error IS NOT NULL",
};

/** Keys by which a list can be sorted. */
export const listOrders = ["path", "date", "size"] as const;

const orders: Record<typeof listOrders[number], string> = {
  path: "path",
  date: "CAST(mtime AS REAL), path",
  size: "size, path",
};

/** Selection and order of the listed entries. */
export interface ListQuery {
  readonly selection: Selection;
  /** Published since, in seconds since the epoch. */
  readonly since: number;
  readonly sort: typeof listOrders[number];
  /** The paths asked for begin with this; empty: all paths. */
  readonly prefix: string;
}

/** No path is greater than one that goes on with it. */
export const greatest = "\u{10FFFF}";

/** Yields entries of all servers. */
export function* listedFiles(
  db: DatabaseSync,
  { selection, since, sort, prefix }: ListQuery,
): Generator<ListedFile> {
  // With the servers named, the primary key finds the paths.
  const range = prefix === ""
    ? ""
    : "server IN (SELECT server FROM list) AND path BETWEEN :from AND :to AND";
  const bounds: Record<string, string> = prefix === ""
    ? {}
    : { from: prefix, to: prefix + greatest };
  const rows = prepared(
    db,
    `SELECT server, path, size, mtime, standing, error FROM entry
     WHERE ${range} ${
      conditions[selection]
    } AND CAST(published AS REAL) >= :since
     ORDER BY ${orders[sort]}, server`,
  ).iterate({ since, ...bounds });
  for (const row of rows) yield row as unknown as ListedFile;
}

/** Tells whether anything that `server` names is still to be fetched, removed or decided. */
export function isAnythingLeft(db: DatabaseSync, server: string): boolean {
  return ["wanted", "withdrawn", "conflict"].some((standing) =>
    // Written out: a partial index is used only for a constant.
    prepared(
      db,
      `SELECT 1 FROM entry WHERE server = ? AND standing = '${standing}' LIMIT 1`,
    ).get(server) !== undefined
  );
}

/** Returns one of the files that were copied and should be here; `null` if there are none, or all are to be copied again. */
export function anyKept(db: DatabaseSync): string | null {
  const row = prepared(
    db,
    `SELECT copy.path FROM copy CROSS JOIN list CROSS JOIN entry
     WHERE entry.server = list.server AND entry.path = copy.path
       AND standing = 'here' LIMIT 1`,
  ).get() as { path: string } | undefined;
  return row?.path ?? null;
}

/** Tells whether there is a file or a set that no hook was told of yet. */
export function isAnyUnannounced(db: DatabaseSync): boolean {
  return prepared(
    db,
    `SELECT (SELECT 1 FROM copy WHERE announced = 0)
       OR EXISTS (SELECT 1 FROM arrived_set) AS isAny`,
  ).get()!.isAny === 1;
}

/** Returns what stays away of what `servers` name; refused lines, of `active`. */
export function missingFrom(
  db: DatabaseSync,
  servers: readonly string[],
  active: string | null,
): Missing {
  const failed = prepared(
    db,
    `SELECT path, min(error) AS error FROM entry
     WHERE error IS NOT NULL AND standing = 'wanted'
       AND server IN (SELECT value FROM json_each(:servers))
     GROUP BY path ORDER BY path LIMIT :limit`,
  ).all({ servers: JSON.stringify(servers), limit: missingTold });
  return {
    refused: active === null
      ? { count: 0, reasons: [] }
      : refusedOf(db, active),
    failed: failed as unknown as FailedFile[],
  };
}

/** Returns the next files here after `after`, by path. */
export function copiesHere(
  db: DatabaseSync,
  after: string,
  limit: number,
): CopiedFile[] {
  return prepared(
    db,
    `SELECT path, size, mtime, mode FROM copy
     WHERE path > ? ORDER BY path LIMIT ?`,
  ).all(after, limit) as unknown as CopiedFile[];
}

/** A file as it is shown to other replicas. */
export type ShownFile = Pick<
  Entry,
  "path" | "published" | "size" | "mtime" | "mode" | "digest"
>;

/** Returns the next files after `after`, by path, that are here and not withdrawn. */
export function filesShown(
  db: DatabaseSync,
  after: string,
  limit: number,
): ShownFile[] {
  return prepared(
    db,
    `SELECT path, published, size, mtime, mode, digest FROM copy
     WHERE path > ? AND NOT EXISTS (
       SELECT 1 FROM withdrawal WHERE withdrawal.path = copy.path)
     ORDER BY path LIMIT ?`,
  ).all(after, limit) as unknown as ShownFile[];
}

/** Tells whether anything here is not as `server` names it: it came from another one, and only that one has it. */
export function isAnythingElseHere(db: DatabaseSync, server: string): boolean {
  return prepared(
    db,
    `SELECT 1 FROM copy
     WHERE NOT EXISTS (
       SELECT 1 FROM entry
       WHERE entry.server = ? AND entry.path = copy.path
         AND standing IN ('here', 'withdrawn', 'gone'))
       AND NOT EXISTS (
         SELECT 1 FROM withdrawal WHERE withdrawal.path = copy.path)
     LIMIT 1`,
  ).get(server) !== undefined;
}

/** Returns the next digests after `after`, in order, of large files that are here. */
export function digestsHere(
  db: DatabaseSync,
  after: string,
  limit: number,
): string[] {
  const rows = prepared(
    db,
    `SELECT DISTINCT digest FROM copy WHERE size >= ${leastSigned} AND digest > ?
     ORDER BY digest LIMIT ?`,
  ).all(after, limit) as { digest: string }[];
  return rows.map(({ digest }) => digest);
}

/** Counts; what is pending, of the server `active`. */
export function totals(db: DatabaseSync, active: string | null): Totals {
  return prepared(
    db,
    `
    SELECT tally.files AS here, tally.bytes AS bytes,
      (SELECT count(*) FROM entry WHERE server = :active AND standing = 'wanted') AS pending,
      (SELECT count(DISTINCT path) FROM entry WHERE error IS NOT NULL) AS failed
    FROM tally`,
  ).get({ active }) as unknown as Totals;
}

/** Returns the first files, by path, that could not be copied last time. */
export function failingFiles(
  db: DatabaseSync,
  limit: number,
): Pick<ListedFile, "server" | "path" | "error">[] {
  return prepared(
    db,
    `
    SELECT server, path, error FROM entry WHERE error IS NOT NULL
    ORDER BY path, server LIMIT ?`,
  ).all(limit) as unknown as ListedFile[];
}

/**
 * Returns how late the replica is behind these servers, in seconds: the age of the
 * oldest entry that is not yet here.
 */
export function lagBehind(
  db: DatabaseSync,
  servers: readonly string[],
  now: number,
): number {
  const oldest = servers.map((server) => {
    const row = prepared(
      db,
      `SELECT min(CAST(published AS REAL)) AS oldest FROM entry
       WHERE server = ? AND standing = 'wanted'`,
    ).get(server) as { oldest: number | null };
    return row.oldest ?? Infinity;
  });
  return Math.max(0, now / 1_000 - Math.min(...oldest));
}

/** Returns the conflicts between what is here and what these servers name. */
export function conflictsWith(
  db: DatabaseSync,
  servers: readonly string[],
): Conflicts {
  return prepared(
    db,
    `SELECT count(DISTINCT path) AS files, min(path) AS first FROM entry
     WHERE server IN (SELECT value FROM json_each(?)) AND standing = 'conflict'`,
  ).get(JSON.stringify(servers)) as unknown as Conflicts;
}

/** Returns the files that arrived last, the youngest first; those whose path contains `text`, whatever its case. */
export function newestFiles(
  db: DatabaseSync,
  limit: number,
  text = "",
): FileHere[] {
  const pattern = `%${text.replaceAll(/[\\%_]/g, "\\$&")}%`;
  const matches = text === "" ? "" : "WHERE path LIKE :pattern ESCAPE '\\'";
  const values: Record<string, SQLInputValue> = text === ""
    ? { limit }
    : { limit, pattern };
  // The index alone finds the paths; going to each row as well takes seconds.
  return prepared(
    db,
    `
    SELECT path, server, size, mtime, arrived
    FROM (
      SELECT path FROM copy INDEXED BY copy_newest ${matches}
      ORDER BY arrived DESC LIMIT :limit
    ) CROSS JOIN copy USING (path)
    ORDER BY arrived DESC`,
  ).all(values) as unknown as FileHere[];
}

/** Returns how many bytes of each server's list have been read; only servers that have one are there. */
export function bytesRead(db: DatabaseSync): Map<string, number> {
  const rows = prepared(
    db,
    `SELECT server, "offset" AS bytes FROM list WHERE generation IS NOT NULL`,
  ).all() as { server: string; bytes: number }[];
  return new Map(rows.map(({ server, bytes }) => [server, bytes]));
}
