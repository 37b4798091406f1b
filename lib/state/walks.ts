/**
 * The directories of a tree as the last walk found them, so that those that have
 * not changed need not be read again.
 *
 * SFTP tells dates in seconds: what changes a directory in the second in which it
 * was read leaves its date as it is. So a date counts only once it has been seen
 * for two seconds, and the directory was read after that. A file that is written
 * in place does not change its directory at all: a full walk finds it, which
 * comes after `replica.tree_rescan`.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import { prepared } from "./prepared.ts";

/** A directory, as it was when it was read. */
export interface WalkedDirectory {
  /** Below the root; empty: the root itself. */
  readonly path: string;
  /** In seconds since the epoch; -1: it has not been read. */
  readonly mtime: number;
  /** Time when it was first seen with this date, in seconds since the epoch. */
  readonly seen: number;
  /** True if it need not be read as long as it has this date. */
  readonly settled: boolean;
}

/** A walk that came to its end. */
export interface Walk {
  /** The reading that it was. */
  readonly reading: number;
  readonly root: string;
  /** Time of its start, in seconds since the epoch. */
  readonly at: number;
  /** The highest number of an entry. */
  readonly seq: number;
}

/** A date that is not seen for so many seconds yet may be that of several changes. */
const coarseSeconds = 2;

/** A file that was written so many seconds after its directory had changed is one that is written in place. */
const inPlaceSeconds = 60;

/** Tells how a directory is remembered that was found with `mtime` now, and then read. */
export function settle(
  path: string,
  mtime: number,
  { before, newest, asked, byLinks = false }: {
    /** The same directory, as it was remembered. */
    readonly before: WalkedDirectory | undefined;
    /** The newest date of a file in it. */
    readonly newest: number;
    /** A time before the directory was asked for its date, in seconds since the epoch. */
    readonly asked: number;
    /** True if links are followed in it, or lead to it: what they lead to has no part in its date. */
    readonly byLinks?: boolean;
  },
): WalkedDirectory {
  const now = Date.now() / 1_000;
  const seen = before?.mtime === mtime && before.seen <= now
    ? before.seen
    : now;
  const settled = !byLinks && mtime > 0 && asked - seen >= coarseSeconds &&
    newest <= mtime + inPlaceSeconds;
  return { path, mtime, seen, settled };
}

/** The tables `walk` and `directory`. */
export class Walks {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** Returns the last walk of the tree of `server`. */
  last(server: string): Walk | undefined {
    return prepared(this.#db, "SELECT * FROM walk WHERE server = ?")
      .get(server) as Walk | undefined;
  }

  /** Returns the directories of the last walk, by path. */
  directories(server: string): Map<string, WalkedDirectory> {
    const rows = prepared(
      this.#db,
      "SELECT path, mtime, seen, settled FROM directory WHERE server = ?",
    ).all(server) as unknown as WalkedDirectory[];
    return new Map(
      rows.map((row) => [row.path, { ...row, settled: Boolean(row.settled) }]),
    );
  }

  /** Returns the directories that lie in the one whose paths are between these. */
  children(
    server: string,
    { from, to }: { readonly from: string; readonly to: string },
  ): string[] {
    const rows = prepared(
      this.#db,
      `SELECT path FROM directory
       WHERE server = :server AND path > :from AND path < :to
         AND instr(substr(path, length(:from) + 1), '/') = 0`,
    ).all({ server, from, to }) as { path: string }[];
    return rows.map(({ path }) => path);
  }

  /** Notes a walk, and all its directories. */
  replace(
    server: string,
    { reading, root, at, seq }: Walk,
    directories: Iterable<WalkedDirectory>,
  ): void {
    this.forget(server);
    prepared(this.#db, "INSERT INTO walk VALUES (?, ?, ?, ?, ?)")
      .run(server, reading, root, at, seq);
    for (const directory of directories) this.put(server, directory);
  }

  /** Forgets the last walk: the next one reads all. */
  forget(server: string): void {
    prepared(this.#db, "DELETE FROM walk WHERE server = ?").run(server);
    prepared(this.#db, "DELETE FROM directory WHERE server = ?").run(server);
  }

  put(
    server: string,
    { path, mtime, seen, settled }: WalkedDirectory,
  ): void {
    prepared(
      this.#db,
      "INSERT OR REPLACE INTO directory VALUES (?, ?, ?, ?, ?)",
    ).run(server, path, mtime, seen, settled ? 1 : 0);
  }

  /** Notes a directory that has been found, and is still to be read. */
  found(server: string, path: string): void {
    prepared(
      this.#db,
      "INSERT OR IGNORE INTO directory VALUES (?, ?, -1, 0, 0)",
    ).run(server, path);
  }

  /** Forgets a directory, and all below it. */
  remove(server: string, path: string): void {
    prepared(
      this.#db,
      "DELETE FROM directory WHERE server = ? AND (path = ? OR path > ? AND path < ?)",
    ).run(server, path, `${path}/`, `${path}0`);
  }

  /** Notes the highest number of an entry. */
  advance(server: string, seq: number): void {
    prepared(this.#db, "UPDATE walk SET seq = ? WHERE server = ?")
      .run(seq, server);
  }
}
