/**
 * Taking in what servers name: their lists line by line, their trees directory by
 * directory.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import type { Space } from "../files/space.ts";
import type { Cursor } from "../list/cursor.ts";
import type { Entry } from "../list/entry.ts";
import type { NotFiles } from "../list/not-files.ts";
import { sameVersion } from "../list/version.ts";
import { Pacer } from "../worker/pacer.ts";
import { cursorOf, type ReadSoFar } from "./cursor.ts";
import { transaction } from "./database.ts";
import {
  type EntryRow,
  type Filter,
  type Judge,
  numberHere,
  type Offer,
  type Row,
} from "./judge.ts";
import { Naming } from "./naming.ts";
import type { State } from "./order.ts";
import {
  countPassedOver,
  forgetPassedOver,
  keepPassedOver,
  type PassedOver,
} from "./passed-over.ts";
import type { Generations, Life, Reading } from "./reading.ts";
import {
  forgetRefusals,
  keepRefusals,
  type Refusal,
  replaceRefusals,
} from "./refusals.ts";
import { type Standing, unfinished } from "./standing.ts";
import type { Sets } from "./sets.ts";
import { namedServers, type Statements } from "./statements.ts";
import type { Superseded } from "./superseded.ts";
import { type Walk, type WalkedDirectory, Walks } from "./walks.ts";

/** Counts of what reading some entries changed. */
export interface Taken {
  seen: number;
  /** Entries to be fetched. */
  new: number;
  /** Entries excluded, or not newer than what is here. */
  skipped: number;
}

interface ListRow extends ReadSoFar {
  branch: string | null;
  reading: number;
  complete: number;
  filters: string;
  charset: string | null;
  /** `null`: nobody looked for sets. */
  sets: number | null;
}

/** Results of the last walk of a tree that the next one can use. */
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

/** A line that ends a set. */
export interface SetEnd {
  /** The last line of the set; 0: none has ended yet. */
  readonly last: number;
  /** The line that it stands after. */
  readonly after: number;
}

/** Room for an entry on the disk, in the table, its indexes and the write-ahead log; few take more. */
const entryBytes = 1_024;

/** Rows that are changed in one transaction, where nothing else bounds it. */
const page = 500;

/** Parts that intake works with. */
export interface IntakeTools {
  readonly filter: Filter;
  readonly statements: Statements;
  readonly superseded: Superseded;
  readonly generations: Generations;
  readonly judge: Judge;
  readonly sets: Sets;
  /** See {@link Naming}. */
  readonly charset: string | null;
  /** Directory of the state; without it, its disk space is not watched. */
  readonly space: Pick<Space, "claim" | "release"> | undefined;
}

/** Takes in what each server names. */
export class Intake {
  readonly #db: DatabaseSync;
  readonly #filter: Filter;
  readonly #space: IntakeTools["space"];
  readonly #charset: string | null;
  readonly #naming: Naming;
  readonly #statements: Statements;
  readonly #superseded: Superseded;
  readonly #generations: Generations;
  readonly #walks: Walks;
  readonly #judge: Judge;
  readonly #sets: Sets;

  constructor(db: DatabaseSync, tools: IntakeTools) {
    this.#db = db;
    this.#filter = tools.filter;
    this.#space = tools.space;
    this.#charset = tools.charset;
    this.#naming = new Naming(db, tools.charset);
    this.#statements = tools.statements;
    this.#superseded = tools.superseded;
    this.#generations = tools.generations;
    this.#walks = new Walks(db);
    this.#judge = tools.judge;
    this.#sets = tools.sets;
  }

  /** Forgets the servers that are not `configured`: nothing can be had from them. */
  keepOnly(configured: readonly string[]): void {
    const others = namedServers(this.#statements).filter((name) =>
      !configured.includes(name)
    );
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

  /** Returns where reading the list of `server` goes on; `undefined` if it never was read, or with other names, or not for its sets. */
  cursor(server: string): Cursor | undefined {
    const row = this.#list(server);
    if (row === undefined || row.charset !== this.#charset) return undefined;
    if (this.#sets.matter && row.sets === null) return undefined;
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
        sets: this.#sets.matter ? 0 : null,
      });
      this.#sets.begin(server);
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

  /** Returns the number of skipped files in the tree of `server`, by kind, from its last full walk. */
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
    return this.resumed(server);
  }

  /** Returns the reading that {@link cursor} belongs to. */
  resumed(server: string): Reading {
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
    ends: readonly SetEnd[] = [],
  ): Taken {
    const taken = { seen: entries.length, new: 0, skipped: 0 };
    const claim = this.#space?.claim(entries.length * entryBytes);
    if (claim !== undefined) this.#space!.release(claim);
    transaction(this.#db, () => {
      // Of a new replica there are a million paths that need not be looked for.
      const here = this.#judge.holdsAnything()
        ? (path: string) => this.#judge.here(path)
        : () => undefined;
      const { server } = reading;
      let ended = 0;
      const endBefore = (seq: number) => {
        for (; ended < ends.length && ends[ended]!.after < seq; ended++) {
          this.#sets.end(server, ends[ended]!.last);
        }
      };
      for (const entry of entries) {
        endBefore(entry.seq);
        const standing = this.#takeEntry(reading, entry, here);
        if (standing === "wanted") taken.new++;
        else if (["older", "conflict", "excluded"].includes(standing)) {
          taken.skipped++;
        }
      }
      endBefore(Infinity);
      keepRefusals(this.#db, reading, refusals);
      replaceRefusals(this.#db, reading, entries);
      if (cursor !== undefined) {
        this.#statements.advance.run({
          server: reading.server,
          ...advance(cursor),
          sets: this.#sets.matter ? 1 : 0,
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
    if (this.isComplete(reading)) return;
    const pacer = new Pacer();
    for (let after: string | undefined = ""; after !== undefined;) {
      after = this.withdrawPage(reading, after);
      await pacer.pause();
    }
    this.end(reading);
  }

  /** Tells whether a reading has ended already. */
  isComplete({ server, number }: Reading): boolean {
    return this.#list(server)!.complete === number;
  }

  /**
   * Takes in, of some paths after `after`, that a reading did not name them again;
   * returns the last of them, or `undefined` if there is none.
   */
  withdrawPage(reading: Reading, after: string): string | undefined {
    const { server, number } = reading;
    const rows = this.#statements.unnamed.all({
      ...{ server, number, after, page },
    }) as unknown as EntryRow[];
    transaction(this.#db, () => {
      for (const row of rows) this.#withdraw(reading, row);
    });
    return rows.at(-1)?.path;
  }

  /** Notes that a reading has ended. */
  end({ server, number }: Reading): void {
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

  #takeEntry(
    reading: Reading,
    entry: Entry,
    here: (path: string) => Row | undefined,
  ): Standing {
    const { server, generation, number } = reading;
    const { path, remote, displaced } = this.#naming.name(reading, entry.path);
    if (displaced !== undefined) this.#judge.judgePath(displaced);
    const row = this.#statements.entry.get({ server, path }) as
      | EntryRow
      | undefined;
    if (row !== undefined && isReadAgain(row, reading, entry)) {
      const { seq } = entry;
      if (row.generation === generation && seq < row.seq) {
        this.#replaced(row, { seq, by: row.seq });
      }
      this.#statements.readAgain.run({
        ...{ server, path, generation, reading: number },
        seq: row.generation === generation ? row.seq : seq,
      });
      return row.standing;
    }
    if (row !== undefined && row.generation === generation) {
      this.#replaced(row, { seq: row.seq, by: entry.seq });
    }
    const named = { ...entry, path, server, generation };
    const offer = { ...named, ...this.#succeed(row, named, reading) };
    const standing = this.#judge.standing(offer, here(path));
    this.#put(reading, offer, { remote, standing });
    return standing;
  }

  /** Lets the sets of two lines for one path wait for each other, unless what the first one says is done. */
  #replaced(
    { server, standing }: EntryRow,
    lines: { readonly seq: number; readonly by: number },
  ): void {
    if (unfinished.has(standing)) this.#sets.replaced(server, lines);
  }

  /** Writes what a server names; what it named before tells more of what others name. */
  #put(
    { number: reading }: Reading,
    offer: Offer,
    { remote, standing }: { remote: string | null; standing: Standing },
  ): void {
    const { path, server, seq, generation, published, mtime } = offer;
    const { size, mode, digest, op, number, here } = offer;
    this.#statements.put.run(
      ...[path, server, seq, generation, published, mtime, size, mode, digest],
      ...[op, number, here, standing, remote, reading],
    );
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

  /** Tells whether what a list took over is what was read of it before, to the last line, and judged as now. */
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

/** Tells whether a line was read before: in this generation, or before the list was compacted. */
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

function advance({ offset, tail, seq, modified }: Cursor) {
  return { offset, tail, seq, modified };
}

/** The directory of a path; empty for the root. */
function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

/** Returns the bounds of the paths below a directory. */
function rangeOf(directory: string): { from: string; to: string } {
  return directory === ""
    ? { from: "", to: "\u{10FFFF}" }
    : { from: `${directory}/`, to: `${directory}0` };
}
