/**
 * The synchronised list: what every server names and what is on the replica,
 * in SQLite, so that a pass costs what changed and not what there is.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import type { CopyOrder } from "../config/config.ts";
import type { Digest, Entry, Version } from "../list/entry.ts";
import type { FailedFile } from "../pass-report.ts";
import type { Arrived, Backlog, Cursor, Wanted } from "../protocol.ts";
import type { Space } from "../space.ts";
import type { Timestamp } from "../timestamp.ts";
import { transaction } from "./database.ts";
import { type Filter, Judge, type Row } from "./judge.ts";
import { Naming } from "./naming.ts";
import type { Reading } from "./reading.ts";
import type { Standing } from "./standing.ts";
import {
  forgetRefusals,
  keepRefusals,
  type Refusal,
  replaceRefusals,
} from "./refusals.ts";
import { willChange } from "./rehearsal.ts";
import { prepareStatements, type Statements } from "./statements.ts";

/** What reading some entries came to. */
export interface Taken {
  seen: number;
  /** Entries to be fetched. */
  new: number;
  /** Entries excluded, or not newer than what is here. */
  skipped: number;
  /** Entries with other contents than what is here has, and the same date. */
  readonly conflicts: Conflict[];
}

/** Two servers that say different things of one file. */
export interface Conflict {
  readonly path: string;
  /** What is here, and stays. */
  readonly here: VersionOf;
  readonly offered: VersionOf;
}

/** A version, and which server it is of. */
type VersionOf = Version & { readonly server: string };

interface ListRow {
  generation: string | null;
  offset: number;
  tail: Uint8Array;
  seq: number;
  reading: number;
  complete: number;
  filters: string;
  charset: string | null;
}

/** What an entry takes on the disk at most, as a rule: in the table, its indexes and the write-ahead log. */
const entryBytes = 1_024;

/** How the list is kept; every part has its default. */
export interface ListOptions {
  /** @default "oldest" */
  readonly order?: CopyOrder;
  /** Where the state lies; without it, room is not watched. */
  readonly space?: Pick<Space, "claim" | "release">;
  /** See {@link Naming}. @default null */
  readonly charset?: string | null;
}

/** The tables `list`, `entry` and `copy`; their only writer. */
export class SynchronisedList {
  readonly #db: DatabaseSync;
  readonly #filter: Filter;
  readonly #order: CopyOrder;
  readonly #space: ListOptions["space"];
  readonly #charset: string | null;
  readonly #naming: Naming;
  readonly #statements: Statements;
  readonly #judge: Judge;

  constructor(
    db: DatabaseSync,
    filter: Filter,
    { order = "oldest", space, charset = null }: ListOptions = {},
  ) {
    this.#db = db;
    this.#filter = filter;
    this.#order = order;
    this.#space = space;
    this.#charset = charset;
    this.#naming = new Naming(db, charset);
    this.#statements = prepareStatements(db);
    this.#judge = new Judge(db, filter, this.#statements);
  }

  /** Returns where reading the list of `server` goes on; `undefined` if it never was read, or with other names. */
  cursor(server: string): Cursor | undefined {
    const row = this.#list(server);
    if (row === undefined || row.generation === null) return undefined;
    if (row.charset !== this.#charset) return undefined;
    const { generation, offset, tail, seq } = row;
    return { generation, offset, tail, seq };
  }

  /** Begins to read a list from its start, or a tree. */
  begin(server: string, generation: string | null): Reading {
    const before = this.#list(server);
    const number = (before?.reading ?? 0) + 1;
    forgetRefusals(this.#db, server);
    this.#statements.beginReading.run({
      server,
      generation,
      reading: number,
      complete: before?.complete ?? 0,
      filters: this.#filter.fingerprint,
      charset: this.#charset,
    });
    return { server, generation, number };
  }

  /** Goes on with the reading that {@link cursor} belongs to; judges it again if the filter is another one. */
  async resume(server: string): Promise<Reading> {
    const { generation, reading, filters } = this.#list(server)!;
    if (filters !== this.#filter.fingerprint) {
      await this.#judge.judgeAll(server);
    }
    return { server, generation, number: reading };
  }

  /** Forgets in which order files of one list were published. */
  forgetOrder(generation: string): void {
    willChange(this.#db, "copy");
    this.#statements.forgetOrder.run({ generation });
  }

  /**
   * Takes in some entries and, in the same transaction, how far the list is read
   * by them.
   *
   * @throws {LocalError} If there is no room for them: a list may never end.
   */
  take(
    reading: Reading,
    entries: readonly Entry[],
    cursor?: Cursor,
    refusals: readonly Refusal[] = [],
  ): Taken {
    const taken: Taken = {
      seen: entries.length,
      new: 0,
      skipped: 0,
      conflicts: [],
    };
    const claim = this.#space?.claim(entries.length * entryBytes);
    if (claim !== undefined) this.#space!.release(claim);
    transaction(this.#db, () => {
      for (const entry of entries) {
        const standing = this.#takeEntry(reading, entry, taken.conflicts);
        if (standing === "wanted") taken.new++;
        else if (standing !== "here" && standing !== "withdrawn") {
          taken.skipped++;
        }
      }
      keepRefusals(this.#db, reading, refusals);
      replaceRefusals(this.#db, reading, entries);
      if (cursor !== undefined) {
        this.#statements.advance.run({
          server: reading.server,
          ...advance(cursor),
        });
      }
    });
    return taken;
  }

  /**
   * Ends a reading that reached the end of the list: what it did not name
   * again, the server has withdrawn.
   */
  complete({ server, number }: Reading): void {
    if (this.#list(server)!.complete === number) return;
    transaction(this.#db, () => {
      this.#statements.withdrawUnnamed.run({ server, number });
      this.#statements.forgetUnnamed.run({ server, number });
      this.#statements.completeReading.run({ server, number });
    });
  }

  /** The next entries to fetch after `last`, in order of publication or size. */
  wanted(
    server: string,
    last: Pick<Wanted, "seq" | "size"> | null,
    limit: number,
  ): Wanted[] {
    const { seq, size } = last ?? { seq: 0, size: -1 };
    const rows = this.#order === "oldest"
      ? this.#statements.oldest.all({ server, seq, limit })
      : this.#statements.smallest.all({ server, seq, size, limit });
    return (rows as unknown as WantedRow[]).map(wantedOf);
  }

  /** Commits that these files of `server` are on the replica, to stay. */
  arrived(
    server: string,
    files: readonly Arrived[],
    options: { announce: boolean },
  ): void {
    const announce = options.announce ? 1 : 0;
    const arrived = Date.now() / 1_000;
    const batch = { server, files: JSON.stringify(files) };
    transaction(this.#db, () => {
      this.#statements.arrive.run({ ...batch, announce, arrived });
      this.#statements.judgeArrived.run(batch);
      const elsewhere = this.#statements.namedElsewhere.all(batch);
      for (const { path } of elsewhere as { path: string }[]) {
        this.#judge.judgePath(path);
      }
    });
  }

  /** Notes why files of `server` could not be copied; they stay wanted. */
  failed(server: string, files: readonly FailedFile[]): void {
    transaction(this.#db, () => {
      for (const { path, error } of files) {
        this.#statements.fail.run({ server, path, error });
      }
    });
  }

  /** Wants these files again, from every server that names the version that is here; returns those that any does. */
  refetch(paths: readonly string[]): Set<string> {
    const batch = { paths: JSON.stringify(paths) };
    const wanted = transaction(
      this.#db,
      () => this.#statements.refetch.all(batch) as { path: string }[],
    );
    return new Set(wanted.map(({ path }) => path));
  }

  /** The next files after `after`, by path, that are on the replica and that `server` has withdrawn. */
  withdrawn(
    server: string,
    after: string,
    limit: number,
  ): { path: string; size: number }[] {
    return this.#statements.withdrawn.all({ server, after, limit }) as {
      path: string;
      size: number;
    }[];
  }

  /** Number of files on the replica that `server` has withdrawn. */
  countWithdrawn(server: string): number {
    const row = this.#statements.countWithdrawn.get({ server });
    return (row as { files: number }).files;
  }

  /** Commits that these files are no longer on the replica. */
  removed(paths: readonly string[]): void {
    const batch = { paths: JSON.stringify(paths) };
    transaction(this.#db, () => {
      this.#statements.removeCopies.run(batch);
      this.#statements.removeWithdrawn.run(batch);
      const left = this.#statements.namedAnywhere.all(batch);
      for (const { path } of left as { path: string }[]) {
        this.#judge.judgePath(path);
      }
    });
  }

  /** Number of files on the replica. */
  count(): number {
    return (this.#statements.count.get() as { files: number }).files;
  }

  /** What is still to be fetched from `server`, and how late the replica is behind all servers. */
  backlog(server: string): Backlog {
    const { pending, bytes } = this.#statements.pending.get({ server }) as {
      pending: number;
      bytes: number;
    };
    const { oldest } = this.#statements.oldestWanted.get() as {
      oldest: number | null;
    };
    const lag = oldest === null ? 0 : Date.now() / 1_000 - oldest;
    return { pending, bytes, lagSeconds: Math.max(0, lag) };
  }

  /** Files that arrived, and that no hook was told of yet, by path. */
  unannounced(): string[] {
    const rows = this.#statements.unannounced.all() as { path: string }[];
    return rows.map(({ path }) => path);
  }

  announced(paths: readonly string[]): void {
    this.#statements.announce.run({ paths: JSON.stringify(paths) });
  }

  #takeEntry(
    reading: Reading,
    entry: Entry,
    conflicts: Conflict[],
  ): Standing {
    const { server, generation, number } = reading;
    const { path, remote, displaced } = this.#naming.name(reading, entry.path);
    if (displaced !== undefined) this.#judge.judgePath(displaced);
    const offered = { ...entry, path, server, generation };
    const here = this.#judge.here(path);
    const standing = this.#judge.standing(offered, here);
    if (standing === "conflict") {
      conflicts.push({ path, here: here!, offered });
    }
    if (standing === "withdrawn" && here === undefined) {
      this.#statements.forget.run({ server, path });
    } else {
      this.#statements.put.run({
        ...columnsOf(offered),
        remote,
        reading: number,
        standing,
      });
    }
    return standing;
  }

  #list(server: string): ListRow | undefined {
    return this.#statements.list.get({ server }) as ListRow | undefined;
  }
}

interface WantedRow extends Omit<Wanted, "here" | "failedBefore"> {
  readonly failedBefore: number;
  readonly mtimeHere: Timestamp | null;
  readonly sizeHere: number | null;
  readonly digestHere: Digest | null;
}

function wantedOf(
  { mtimeHere, sizeHere, digestHere, failedBefore, ...entry }: WantedRow,
): Wanted {
  const here = mtimeHere === null
    ? null
    : { mtime: mtimeHere, size: sizeHere!, digest: digestHere };
  return { ...entry, here, failedBefore: failedBefore === 1 };
}

function columnsOf(row: Row): Record<keyof Row, string | number | null> {
  const {
    path,
    server,
    seq,
    generation,
    published,
    mtime,
    size,
    mode,
    digest,
  } = row;
  return {
    path,
    server,
    seq,
    generation,
    published,
    mtime,
    size,
    mode,
    digest,
  };
}

function advance({ offset, tail, seq }: Cursor) {
  return { offset, tail, seq };
}
