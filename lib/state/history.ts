/**
 * The history: a row for each pass, and one for each hour and server.
 *
 * @module
 */

import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { FailedFile, PassReport } from "./pass-report.ts";
import { transaction } from "./database.ts";
import { prepared } from "./prepared.ts";

/** Record of a pass, or of a run of publish, in the history. */
export interface Ended {
  /** Seconds since the epoch. */
  readonly started: number;
  readonly exit: number;
  readonly seconds: number;
  /** Of the files copied or published. */
  readonly bytes: number;
  /** Files that failed: how many. */
  readonly failures: number;
  /** The first of them, and why. */
  readonly failed: readonly FailedFile[];
  /** Errors that concerned more than one file. */
  readonly errors: readonly string[];
}

/** One pass of the history. */
export interface PastPass extends Ended {
  /** The server files were taken from; `null` if none served. */
  readonly server: string | null;
  readonly lag_seconds: number;
  /** Entries read. */
  readonly seen: number;
  /** Files. */
  readonly copied: number;
  readonly wire_bytes: number;
  readonly adopted: number;
  readonly removed: number;
  readonly refused: number;
}

/** One run of publish of the history. */
export interface PastRun extends Ended {
  /** Files. */
  readonly published: number;
  readonly withdrawn: number;
  readonly unchanged: number;
}

/** Sums over the passes of a period. */
export interface Sums {
  readonly passes: number;
  /** Passes with an exit status other than 0. */
  readonly bad: number;
  /** Files copied. */
  readonly files: number;
  readonly bytes: number;
  readonly wire_bytes: number;
  readonly removed: number;
  /** Files that failed, each time they did. */
  readonly failures: number;
  /** That the passes took. */
  readonly seconds: number;
  /** The longest. */
  readonly lag_seconds: number;
}

/** The passes of one hour that took their files from one server. */
export interface PastHour extends Sums {
  /** Its beginning, in seconds since the epoch. */
  readonly hour: number;
  /** `null`: none served. */
  readonly server: string | null;
}

/** Failed files that a row names. */
const failuresKept = 100;

const hourSeconds = 3_600;

const addToHour = `
  INSERT INTO hour
  VALUES (:hour, :server, 1, :bad, :files, :bytes, :wire_bytes, :removed, :failures, :seconds, :lag)
  ON CONFLICT DO UPDATE SET
    passes = passes + 1,
    bad = bad + excluded.bad,
    files = files + excluded.files,
    bytes = bytes + excluded.bytes,
    wire_bytes = wire_bytes + excluded.wire_bytes,
    removed = removed + excluded.removed,
    failures = failures + excluded.failures,
    seconds = seconds + excluded.seconds,
    lag = max(lag, excluded.lag)`;

/**
 * Adds a pass to the history, and forgets what is older than `keepMs`
 * milliseconds; 0: nothing.
 */
export function recordPass(
  db: DatabaseSync,
  started: number,
  report: PassReport,
  keepMs: number,
): void {
  const row = rowOf(started, report);
  const names = Object.keys(row);
  transaction(db, () => {
    prepared(
      db,
      `INSERT OR REPLACE INTO pass (${names})
       VALUES (${names.map((name) => `:${name}`)})`,
    ).run(row);
    prepared(db, addToHour).run({
      hour: Math.floor(started / hourSeconds) * hourSeconds,
      server: report.server ?? "",
      bad: Number(report.exit !== 0),
      files: report.copied,
      bytes: report.bytes,
      wire_bytes: report.wire_bytes,
      removed: report.removed,
      failures: report.failed.length,
      seconds: report.seconds,
      lag: report.lag_seconds,
    });
    if (keepMs > 0) forgetBefore(db, started - keepMs / 1_000);
  });
}

function rowOf(
  started: number,
  report: PassReport,
): Record<string, SQLInputValue> {
  const { errors, failed } = report;
  const isClean = errors.length === 0 && failed.length === 0;
  return {
    started,
    server: report.server,
    exit: report.exit,
    seconds: report.seconds,
    lag: report.lag_seconds,
    seen: report.seen,
    new: report.new,
    skipped: report.skipped,
    refused: report.refused,
    copied: report.copied,
    adopted: report.adopted,
    bytes: report.bytes,
    wire_bytes: report.wire_bytes,
    removed: report.removed,
    failed: failed.length,
    told: isClean
      ? null
      : JSON.stringify({ errors, failed: failed.slice(0, failuresKept) }),
  };
}

function forgetBefore(db: DatabaseSync, oldest: number): void {
  prepared(db, "DELETE FROM pass WHERE started < ?").run(oldest);
  prepared(db, "DELETE FROM hour WHERE hour < ?").run(oldest - hourSeconds);
}

/**
 * Returns the last passes, the youngest first. Those that a clock which was
 * ahead has dated after `now`, in seconds since the epoch, would be the last ones
 * for years: they count only where there are no others.
 */
export function lastPasses(
  db: DatabaseSync,
  limit: number,
  now = Date.now() / 1_000,
): PastPass[] {
  return lastRows(db, limit, now).map(passOf);
}

/** Returns the last runs of a publisher, as {@link lastPasses} does passes. */
export function lastRuns(
  db: DatabaseSync,
  limit: number,
  now = Date.now() / 1_000,
): PastRun[] {
  return lastRows(db, limit, now).map((row) => {
    const { started, exit, seconds, bytes, failures, failed, errors } = passOf(
      row,
    );
    return {
      started,
      exit,
      seconds,
      bytes,
      failures,
      failed,
      errors,
      published: row.copied as number,
      withdrawn: row.removed as number,
      unchanged: row.skipped as number,
    };
  });
}

function lastRows(
  db: DatabaseSync,
  limit: number,
  now: number,
): Record<string, unknown>[] {
  const before = (until: number) =>
    prepared(
      db,
      "SELECT * FROM pass WHERE started <= ? ORDER BY started DESC LIMIT ?",
    ).all(until, limit);
  const rows = before(now);
  return rows.length > 0 ? rows : before(Infinity);
}

/** Yields the passes since `since`, in seconds since the epoch; the oldest first. */
export function* passesSince(
  db: DatabaseSync,
  since: number,
): Generator<PastPass> {
  const rows = prepared(
    db,
    "SELECT * FROM pass WHERE started >= ? ORDER BY started",
  ).iterate(since);
  for (const row of rows) yield passOf(row);
}

/** Returns the hours since the one that `since` is in, in seconds since the epoch; the oldest first. */
export function hoursSince(db: DatabaseSync, since: number): PastHour[] {
  return prepared(db, "SELECT * FROM hour WHERE hour > ? ORDER BY hour, server")
    .all(since - hourSeconds).map((row) => {
      const { lag, server, ...sums } = row;
      return {
        ...sums,
        lag_seconds: lag,
        server: server === "" ? null : server,
      } as unknown as PastHour;
    });
}

/** Returns the first hour in which there was a pass, in seconds since the epoch; `undefined` if there is none. */
export function firstHour(db: DatabaseSync): number | undefined {
  const { first } = prepared(db, "SELECT min(hour) AS first FROM hour")
    .get() as { first: number | null };
  return first ?? undefined;
}

/** Returns when the last pass with exit status 0 ended, in seconds since the epoch; `null` if none is known. See {@link lastPasses} for `now`. */
export function lastSuccess(
  db: DatabaseSync,
  now = Date.now() / 1_000,
): number | null {
  return successBefore(db, now) ?? successBefore(db, Infinity);
}

function successBefore(db: DatabaseSync, until: number): number | null {
  // After a year of trouble the hours lead there faster than the passes.
  const row = prepared(
    db,
    `
    SELECT started + seconds AS ended FROM pass WHERE exit = 0 AND started <= :until
      AND started >=
        (SELECT max(hour) FROM hour WHERE passes > bad AND hour <= :until)
    ORDER BY started DESC LIMIT 1`,
  ).get({ until }) as { ended: number } | undefined;
  return row?.ended ?? null;
}

function passOf(row: Record<string, unknown>): PastPass {
  const { lag, failed, told, new: _, skipped: __, ...figures } = row;
  const { errors = [], ...named } = told === null
    ? {}
    : JSON.parse(told as string);
  return {
    ...figures,
    lag_seconds: lag,
    failures: failed,
    failed: named.failed ?? [],
    errors,
  } as unknown as PastPass;
}
