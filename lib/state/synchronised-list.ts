/**
 * The synchronised list: what every server names and what is on the replica,
 * in SQLite, so that a pass costs what changed and not what there is.
 *
 * @module
 */

import type { NotFiles } from "../list/not-files.ts";
import {
  countPassedOver,
  forgetPassedOver,
  keepPassedOver,
  type PassedOver,
} from "./passed-over.ts";
import type { DatabaseSync } from "node:sqlite";
import type { CopyOrder } from "../config/config.ts";
import type { Digest, Entry, Version } from "../list/entry.ts";
import { comparePaths } from "../list/path.ts";
import { sameVersion } from "../list/version.ts";
import { Pacer } from "../worker/pacer.ts";
import type { FailedFile } from "./pass-report.ts";
import type { Arrived, Wanted } from "../files/wanted.ts";
import type { Backlog } from "./left.ts";
import type { Cursor } from "../list/cursor.ts";
import type { Space } from "../files/space.ts";
import type { Timestamp } from "../text/timestamp.ts";
import { cursorOf, type ReadSoFar } from "./cursor.ts";
import { transaction } from "./database.ts";
import {
  type EntryRow,
  type Filter,
  Judge,
  numberHere,
  type Offer,
  type Row,
} from "./judge.ts";
import { Naming } from "./naming.ts";
import { conflictsWith, lagBehind } from "./overview.ts";
import type { Rule, State } from "./order.ts";
import { Generations, type Life, type Reading } from "./reading.ts";
import type { Standing } from "./standing.ts";
import {
  forgetRefusals,
  keepRefusals,
  type Refusal,
  replaceRefusals,
} from "./refusals.ts";
import { prepareStatements, type Statements } from "./statements.ts";
import { Superseded } from "./superseded.ts";
import { type Walk, type WalkedDirectory, Walks } from "./walks.ts";

/** What reading some entries came to. */
export interface Taken {
  seen: number;
  /** Entries to be fetched. */
  new: number;
  /** Entries excluded, or not newer than what is here. */
  skipped: number;
}

/** Two versions of one path, of which nothing tells which is newer. */
export interface Conflict {
  readonly path: string;
  /** What is here, and stays. */
  readonly here: StateOf;
  readonly offered: StateOf;
}

/** A version, and which server it is of. */
type StateOf = State & { readonly server: string };

interface ListRow extends ReadSoFar {
  branch: string | null;
  reading: number;
  complete: number;
  filters: string;
  charset: string | null;
}

/** What the next walk of a tree can go by. */
export interface LastWalk {
  /** The highest number of an entry. */
  readonly seq: number;
  readonly directories: ReadonlyMap<string, WalkedDirectory>;
  /** Directories with files that are still to be fetched: they may be written to. */
  readonly waiting: ReadonlySet<string>;
}

/** A directory of a tree that was read. */
export interface ReadDirectory {
  readonly directory: WalkedDirectory;
  readonly entries: readonly Entry[];
  /** Paths below the root. */
  readonly subdirectories: readonly string[];
}

/** What an entry takes on the disk at most, as a rule: in the table, its indexes and the write-ahead log. */
const entryBytes = 1_024;

/** Rows that are changed in one transaction, where nothing else bounds it. */
const page = 500;

/** How long a withdrawal is remembered that no server contradicts. */
const withdrawalKeepSeconds = 30 * 86_400;

/** How the list is kept; every part has its default. */
export interface ListOptions {
  /** @default "oldest" */
  readonly order?: CopyOrder;
  /** Where the state lies; without it, room is not watched. */
  readonly space?: Pick<Space, "claim" | "release">;
  /** See {@link Naming}. @default null */
  readonly charset?: string | null;
  /** Rules of order to leave out: for the model that shows what each is for. */
  readonly without?: readonly Rule[];
}

/** The tables that synchro-list writes; see schema.ts. */
export class SynchronisedList {
  readonly #db: DatabaseSync;
  readonly #filter: Filter;
  readonly #order: CopyOrder;
  readonly #space: ListOptions["space"];
  readonly #charset: string | null;
  readonly #naming: Naming;
  readonly #statements: Statements;
  readonly #superseded: Superseded;
  readonly #generations: Generations;
  readonly #walks: Walks;
  readonly #judge: Judge;

  constructor(db: DatabaseSync, filter: Filter, options: ListOptions = {}) {
    this.#db = db;
    this.#filter = filter;
    this.#order = options.order ?? "oldest";
    this.#space = options.space;
    this.#charset = options.charset ?? null;
    this.#naming = new Naming(db, this.#charset);
    this.#statements = prepareStatements(db);
    this.#superseded = new Superseded(db);
    this.#generations = new Generations(db);
    this.#walks = new Walks(db);
    this.#judge = new Judge(db, {
      filter,
      statements: this.#statements,
      superseded: this.#superseded,
      generations: this.#generations,
      without: options.without ?? [],
    });
  }

  /** Forgets the servers that are not `configured`: nothing can be had from them. */
  keepOnly(configured: readonly string[]): void {
    const others = this.#servers().filter((name) => !configured.includes(name));
    if (others.length === 0) return;
    transaction(this.#db, () => {
      for (const server of others) {
        this.#statements.forgetEntries.run({ server });
        this.#statements.forgetSuperseded.run({ server });
        this.#statements.forgetList.run({ server });
        this.#walks.forget(server);
        forgetPassedOver(this.#db, server);
      }
    });
  }

  /** Returns where reading the list of `server` goes on; `undefined` if it never was read, or with other names. */
  cursor(server: string): Cursor | undefined {
    const row = this.#list(server);
    if (row === undefined || row.charset !== this.#charset) return undefined;
    return cursorOf(row);
  }

  /** Begins to read a list from its start; a tree if it has no `life`. */
  begin(server: string, life: Life | null): Reading {
    const before = this.#list(server);
    const number = (before?.reading ?? 0) + 1;
    const branch = life === null ? null : branchOf(server, life, before);
    return transaction(this.#db, () => {
      forgetRefusals(this.#db, server);
      if (life !== null) forgetPassedOver(this.#db, server);
      if (branch !== null) this.#descend(branch, life!, before);
      this.#statements.beginReading.run({
        server,
        generation: life?.generation ?? null,
        reading: number,
        complete: before?.complete ?? 0,
        filters: this.#filter.fingerprint,
        charset: this.#charset,
        branch,
      });
      return {
        server,
        generation: branch,
        number,
        lineage: this.#generations.lineage(branch),
        repeated: this.#isReadUpTo(before, life?.from[0]) ? life!.carried : 0,
      };
    });
  }

  /** Keeps what lies in the tree of `server` and is no file; returns what is new of it. */
  passOver(
    server: string,
    { passedOver, notFiles }: {
      readonly passedOver: readonly PassedOver[];
      readonly notFiles: NotFiles;
    },
  ): PassedOver[] {
    return keepPassedOver(this.#db, server, passedOver, notFiles);
  }

  /** How much of the tree of `server` the last full walk has passed over. */
  notFiles(server: string): NotFiles {
    return countPassedOver(this.#db, server);
  }

  /** Goes on with the reading that {@link cursor} belongs to; judges all again if the filter is another one. */
  async resume(server: string): Promise<Reading> {
    const filters = this.#filter.fingerprint;
    const stale = this.#statements.staleFilters.all({ filters });
    for (const row of stale as { server: string }[]) {
      await this.#judge.judgeAll(row.server);
    }
    const { branch, reading } = this.#list(server)!;
    return {
      server,
      generation: branch,
      number: reading,
      lineage: this.#generations.lineage(branch),
      // What was cut off is judged line by line.
      repeated: 0,
    };
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
    const taken = { seen: entries.length, new: 0, skipped: 0 };
    const claim = this.#space?.claim(entries.length * entryBytes);
    if (claim !== undefined) this.#space!.release(claim);
    transaction(this.#db, () => {
      for (const entry of entries) {
        const standing = this.#takeEntry(reading, entry);
        if (standing === "wanted") taken.new++;
        else if (["older", "conflict", "excluded"].includes(standing)) {
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
  async complete(reading: Reading): Promise<void> {
    const { server, number } = reading;
    if (this.#list(server)!.complete === number) return;
    const pacer = new Pacer();
    for (let after: string | undefined = ""; after !== undefined;) {
      const rows = this.#statements.unnamed.all({
        server,
        number,
        after,
        page,
      }) as unknown as EntryRow[];
      transaction(this.#db, () => {
        for (const row of rows) this.#withdraw(reading, row);
      });
      after = rows.at(-1)?.path;
      await pacer.pause();
    }
    this.#statements.completeReading.run({ server, number });
  }

  /**
   * Returns what the last walk of a server's tree found, by which the next one
   * needs to read only what has changed; `undefined` if it has to read all.
   */
  lastWalk(
    server: string,
    root: string,
    rescanMs: number,
  ): LastWalk | undefined {
    const row = this.#list(server);
    const walk = this.#walks.last(server);
    if (row === undefined || walk === undefined) return undefined;
    const age = Date.now() / 1_000 - walk.at;
    const holds = row.generation === null && row.reading === row.complete &&
      row.reading === walk.reading && walk.root === root &&
      row.filters === this.#filter.fingerprint &&
      // Names that are made readable are not those of the directories.
      row.charset === null && this.#charset === null &&
      // The clock may have been set meanwhile.
      age >= 0 && age * 1_000 < rescanMs;
    if (!holds) return undefined;
    const wanted = this.#statements.wantedPaths.all({ server }) as {
      path: string;
    }[];
    return {
      seq: walk.seq,
      directories: this.#walks.directories(server),
      waiting: new Set(wanted.map(({ path }) => parentOf(path))),
    };
  }

  /** Notes a walk that came to its end, in which nothing was refused. */
  walked(
    { server, number }: Reading,
    walk: Omit<Walk, "reading">,
    directories: Iterable<WalkedDirectory>,
  ): void {
    transaction(this.#db, () => {
      this.#walks.replace(server, { ...walk, reading: number }, directories);
    });
  }

  /** The directories of the last walk, whether the next one may go by them or not. */
  walkedDirectories(server: string): Map<string, WalkedDirectory> {
    return this.#walks.directories(server);
  }

  /** Takes in all that some directories hold, and that they hold nothing else any more. */
  takeDirectories(
    reading: Reading,
    directories: readonly ReadDirectory[],
    seq: number,
  ): Taken {
    const total = { seen: 0, new: 0, skipped: 0 };
    return transaction(this.#db, () => {
      for (const each of directories) {
        const taken = this.#takeDirectory(reading, each);
        total.seen += each.entries.length;
        total.new += taken.new;
        total.skipped += taken.skipped;
      }
      this.#walks.advance(reading.server, seq);
      return total;
    });
  }

  #takeDirectory(
    reading: Reading,
    { directory, entries, subdirectories }: ReadDirectory,
  ): Taken {
    const { server } = reading;
    const { namedIn, namedBelow } = this.#statements;
    const inside = rangeOf(directory.path);
    const before = new Map(
      (namedIn.all({ server, ...inside }) as unknown as EntryRow[])
        .map((row) => [row.path, row]),
    );
    const changed = entries.filter((entry) => {
      const row = before.get(entry.path);
      before.delete(entry.path);
      return row === undefined || row.mode !== entry.mode ||
        !sameVersion(row, entry);
    });
    for (const row of before.values()) this.#withdraw(reading, row);
    const below = new Set(subdirectories);
    for (const known of this.#walks.children(server, inside)) {
      if (below.has(known)) continue;
      const gone = namedBelow.all({ server, ...rangeOf(known) });
      for (const row of gone as unknown as EntryRow[]) {
        this.#withdraw(reading, row);
      }
      this.#walks.remove(server, known);
    }
    for (const path of subdirectories) this.#walks.found(server, path);
    this.#walks.put(server, directory);
    return this.take(reading, changed);
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
      const replaced = this.#statements.replaced.all({ files: batch.files });
      for (const row of replaced as unknown as Row[]) {
        this.#leave(server, row);
      }
      this.#statements.endWithdrawals.run({ files: batch.files });
      this.#statements.arrive.run({ ...batch, announce, arrived });
      this.#statements.judgeArrived.run(batch);
      const elsewhere = this.#statements.namedElsewhere.all(batch);
      for (const { path } of elsewhere as { path: string }[]) {
        this.#statements.forgetHere.run({ server, path });
        this.#judge.judgePath(path);
      }
      for (const { path } of replaced as { path: string }[]) {
        this.#statements.endResolution.run({ path });
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

  /**
   * Follows what was withdrawn, for good where nothing is to be removed: from now on
   * no other server brings these files back. It counts what `active` has withdrawn,
   * and any other server that alone had named the file.
   *
   * @param keeps Whether what is here stays nevertheless.
   */
  async followWithdrawals(active: string, keeps: boolean): Promise<void> {
    const pacer = new Pacer();
    for (const server of this.#servers()) {
      if (!keeps) this.#statements.keepNoLonger.run({ server });
      for (let after: string | undefined = ""; after !== undefined;) {
        const rows = this.#statements.following.all({
          ...{ server, active, after, page },
        }) as unknown as EntryRow[];
        transaction(this.#db, () => {
          for (const row of rows) {
            const isHere = this.#statements.copy.get({ path: row.path }) !==
              undefined;
            if (keeps || !isHere) this.#follow(row, isHere);
          }
        });
        after = rows.at(-1)?.path;
        await pacer.pause();
      }
    }
    this.#forgetLongGone();
  }

  /** The next files after `after`, by path, that are on the replica and were withdrawn, as {@link followWithdrawals} has it. */
  withdrawn(
    active: string,
    after: string,
    limit: number,
  ): { path: string; size: number }[] {
    const files = this.#servers().flatMap((server) =>
      this.#statements.withdrawn.all({ server, active, after, limit }) as {
        path: string;
        size: number;
      }[]
    );
    const byPath = new Map(files.map((file) => [file.path, file]));
    return [...byPath.values()].sort((a, b) => comparePaths(a.path, b.path))
      .slice(0, limit);
  }

  /** Number of files on the replica that were withdrawn, as {@link followWithdrawals} has it. */
  countWithdrawn(active: string): number {
    const counts = this.#servers().map((server) =>
      this.#statements.countWithdrawn.get({ server, active }) as {
        files: number;
      }
    );
    return counts.reduce((sum, { files }) => sum + files, 0);
  }

  /** Commits that these files are no longer on the replica. */
  removed(paths: readonly string[]): void {
    const batch = { paths: JSON.stringify(paths) };
    transaction(this.#db, () => {
      const rows = this.#statements.withdrawnAmong.all(batch);
      const followed = new Map(
        (rows as unknown as EntryRow[]).map((row) => [row.path, row]),
      );
      for (const row of followed.values()) this.#follow(row, false);
      this.#statements.removeKept.run(batch);
      this.#statements.removeCopies.run(batch);
      const named = this.#statements.namedAmong.all(batch);
      for (const { path } of named as { path: string }[]) {
        if (!followed.has(path)) this.#judge.judgePath(path);
      }
    });
  }

  /**
   * Applies what administrators have decided by `relais resolve`: the versions of
   * all other servers count as superseded from now on.
   */
  resolve(): void {
    const decided = this.#statements.resolutions.all() as {
      path: string;
      server: string;
    }[];
    if (decided.length === 0) return;
    transaction(this.#db, () => {
      for (const { path, server } of decided) {
        const rows = this.#judge.entries(path);
        for (const row of rows) {
          if (row.server !== server && row.standing === "conflict") {
            this.#superseded.leave(path, row);
          }
        }
        this.#judge.judgePath(path);
        const chosen = rows.find((row) => row.server === server);
        // It is the one that is here, or the server has gone on meanwhile.
        const isOver = chosen === undefined || chosen.standing !== "conflict";
        if (isOver) this.#statements.endResolution.run({ path });
      }
    });
  }

  /** The first conflicts with what `server` names, by path. */
  conflicts(server: string, limit: number): Conflict[] {
    const rows = this.#statements.conflicts.all({ server, limit });
    return (rows as unknown as EntryRow[]).map((offered) => {
      const { path } = offered;
      return { path, here: this.#judge.here(path)!, offered };
    });
  }

  /** Number of files on the replica. */
  count(): number {
    return (this.#statements.count.get() as { files: number }).files;
  }

  /**
   * What is still to be fetched from `server`, and how late the replica is behind
   * the servers in use: that one, and those that are preferred to it.
   */
  backlog(server: string, preferred: readonly string[] = []): Backlog {
    const { pending, bytes } = this.#statements.pending.get({ server }) as {
      pending: number;
      bytes: number;
    };
    const inUse = [...preferred, server];
    return {
      pending,
      bytes,
      lagSeconds: lagBehind(this.#db, inUse, Date.now()),
      conflicts: conflictsWith(this.#db, inUse),
    };
  }

  /** Files that arrived, and that no hook was told of yet, by path. */
  unannounced(): string[] {
    const rows = this.#statements.unannounced.all() as { path: string }[];
    return rows.map(({ path }) => path);
  }

  announced(paths: readonly string[]): void {
    this.#statements.announce.run({ paths: JSON.stringify(paths) });
  }

  #takeEntry(reading: Reading, entry: Entry): Standing {
    const { server, generation, number } = reading;
    const { path, remote, displaced } = this.#naming.name(reading, entry.path);
    if (displaced !== undefined) this.#judge.judgePath(displaced);
    const row = this.#statements.entry.get({ server, path }) as
      | EntryRow
      | undefined;
    if (row !== undefined && isReadAgain(row, reading, entry)) {
      const { seq } = entry;
      this.#statements.readAgain.run({
        ...{ server, path, generation, reading: number },
        seq: row.generation === generation ? row.seq : seq,
      });
      return row.standing;
    }
    const named = { ...entry, path, server, generation };
    const offer = { ...named, ...this.#succeed(row, named, reading) };
    const standing = this.#judge.standing(offer, this.#judge.here(path));
    this.#put(reading, offer, { remote, standing });
    return standing;
  }

  /** Writes what a server names; what it named before tells more of what others name. */
  #put(
    { number: reading }: Reading,
    offer: Offer,
    { remote, standing }: { remote: string | null; standing: Standing },
  ): void {
    this.#statements.put.run({
      ...{ ...columnsOf(offer), remote, reading, standing },
    });
    if (offer.number > 0) this.#judge.judgeOthers(offer);
  }

  /** Takes in that a path is no longer named. */
  #withdraw(reading: Reading, row: EntryRow): void {
    const { server, generation } = reading;
    const { path } = row;
    this.#superseded.add(server, path, row);
    const offer: Offer = {
      ...row,
      ...{ op: "-", seq: 0, generation, size: 0, mode: null, digest: null },
      number: row.number + 1,
      here: numberHere(row),
    };
    const standing = this.#judge.standing(offer, this.#judge.here(path));
    this.#put(reading, offer, { remote: null, standing });
  }

  /** Numbers what a server names now among what it has named before, which becomes superseded. */
  #succeed(
    row: EntryRow | undefined,
    offer: State,
    { server, lineage }: Reading,
  ): Pick<Offer, "number" | "here"> {
    if (row === undefined) return { number: 0, here: null };
    const { path, number } = row;
    if (!lineage.has(row.generation)) {
      this.#superseded.forget(server, path);
      return { number: 0, here: null };
    }
    const here = numberHere(row);
    if (row.op === offer.op && sameVersion(row, offer)) return { number, here };
    this.#superseded.add(server, path, row);
    return { number: number + 1, here };
  }

  /** Lets a withdrawal be what is newest of its path. */
  #follow(row: EntryRow, kept: boolean): void {
    const { path, server, seq, generation, published, mtime } = row;
    const before = this.#judge.here(path);
    if (before?.op === "+") this.#superseded.leave(path, before);
    this.#statements.follow.run({
      ...{ path, server, seq, generation, published, mtime },
      kept: kept ? 1 : 0,
      at: Date.now() / 1_000,
    });
    this.#statements.judge.run({ server, path, standing: "gone" });
    this.#statements.endResolution.run({ path });
    this.#statements.forgetHere.run({ server, path });
    this.#judge.judgePath(path);
  }

  /** Remembers what was here before a file of `server` took its place. */
  #leave(server: string, row: Row): void {
    const { path } = row;
    const arrived = this.#statements.entry.get({ server, path });
    const same = arrived?.op === row.op &&
      sameVersion(arrived as unknown as Row, row);
    if (!same) this.#superseded.leave(path, row);
  }

  #forgetLongGone(): void {
    const before = Date.now() / 1_000 - withdrawalKeepSeconds;
    const rows = this.#statements.longGone.all({ before, page: 2 * page });
    if (rows.length === 0) return;
    transaction(this.#db, () => {
      for (const { path } of rows as { path: string }[]) {
        this.#statements.forgetWithdrawal.run({ path });
        this.#statements.forgetEntriesOf.run({ path });
        this.#statements.forgetSupersededOf.run({ path });
      }
    });
  }

  /** Remembers what a list tells of the generations that it descends from. */
  #descend(
    branch: string,
    { from, carried }: Life,
    before: ListRow | undefined,
  ): void {
    let generation = branch;
    for (const [index, { generation: name, seq: upTo }] of from.entries()) {
      // It may be known as that of a server alone.
      const parent = before?.generation === name ? before.branch ?? name : name;
      // How many lines an ancestor carried over is known only to those who read it.
      const fork = { parent, upTo, carried: index === 0 ? carried : 0 };
      if (index === 0 || this.#generations.fork(generation) === undefined) {
        this.#generations.add(generation, fork);
      }
      generation = parent;
    }
  }

  /** Whether what a list took over is what was read of it before, to the last line, and judged as now. */
  #isReadUpTo(
    before: ListRow | undefined,
    from: Life["from"][number] | undefined,
  ): boolean {
    return before !== undefined && before.branch !== null &&
      before.complete === before.reading &&
      before.filters === this.#filter.fingerprint &&
      before.charset === this.#charset &&
      before.generation === from?.generation && before.seq === from.seq;
  }

  #servers(): string[] {
    const rows = this.#statements.servers.all() as { server: string }[];
    return rows.map(({ server }) => server);
  }

  #list(server: string): ListRow | undefined {
    return this.#statements.list.get({ server }) as ListRow | undefined;
  }
}

/**
 * Names a generation so that lines of equal names were written by one writer: a
 * list that does not say who writes it is compared with no other server's, and one
 * that is no longer what it was under its own name not with itself.
 */
function branchOf(
  server: string,
  { generation, writer, grows, renewed }: Life,
  before: ListRow | undefined,
): string | null {
  if (!grows) return null;
  if (renewed) return `${server}:${generation}:${(before?.reading ?? 0) + 1}`;
  if (before?.generation === generation) return before.branch;
  return writer === null ? `${server}:${generation}` : generation;
}

/** Whether a line was read before: in this generation, or before the list was compacted. */
function isReadAgain(
  row: EntryRow,
  { generation, repeated }: Reading,
  entry: Entry,
): boolean {
  if (generation === null) return false;
  if (row.generation === generation) return entry.seq <= row.seq;
  return entry.seq <= repeated && row.op === entry.op &&
    sameVersion(row, entry);
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
  const here: Version | null = mtimeHere === null
    ? null
    : { mtime: mtimeHere, size: sizeHere!, digest: digestHere };
  return { ...entry, here, failedBefore: failedBefore === 1 };
}

function columnsOf(offer: Offer): Record<keyof Offer, string | number | null> {
  const { path, server, seq, generation, published, mtime } = offer;
  const { size, mode, digest, op, number, here } = offer;
  return {
    ...{ path, server, seq, generation, published, mtime },
    ...{ size, mode, digest, op, number, here },
  };
}

function advance({ offset, tail, seq, modified }: Cursor) {
  return { offset, tail, seq, modified };
}

/** The directory of a path; empty for the root. */
function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

/** What the paths below a directory lie between. */
function rangeOf(directory: string): { from: string; to: string } {
  return directory === ""
    ? { from: "", to: "\u{10FFFF}" }
    : { from: `${directory}/`, to: `${directory}0` };
}
