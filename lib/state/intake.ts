/**
 * Taking in what servers name, some entries at a time, and how far each is read.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import type { Space } from "../files/space.ts";
import type { Cursor } from "../list/cursor.ts";
import type { Entry } from "../list/entry.ts";
import { Pacer } from "../worker/pacer.ts";
import { cursorOf, type ReadSoFar } from "./cursor.ts";
import { transaction } from "./database.ts";
import type { EntryIntake } from "./entry-intake.ts";
import type { EntryRow, Filter, Judge } from "./judge.ts";
import { forgetPassedOver } from "./passed-over.ts";
import type { Generations, Life, Reading } from "./reading.ts";
import {
  forgetRefusals,
  keepRefusals,
  type Refusal,
  replaceRefusals,
} from "./refusals.ts";
import type { Sets } from "./sets.ts";
import { namedServers, type Statements } from "./statements.ts";
import type { Walks } from "./walks.ts";

/** Counts of what reading some entries changed. */
export interface Taken {
  seen: number;
  /** Entries to be fetched. */
  new: number;
  /** Entries excluded, or not newer than what is here. */
  skipped: number;
}

/** How far a server is read. */
export interface ListRow extends ReadSoFar {
  branch: string | null;
  reading: number;
  complete: number;
  filters: string;
  charset: string | null;
  /** `null`: nobody looked for sets. */
  sets: number | null;
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
  readonly generations: Generations;
  readonly judge: Judge;
  readonly entries: EntryIntake;
  readonly walks: Walks;
  readonly sets: Sets;
  /** See {@link Naming}. */
  readonly charset: string | null;
  /** Directory of the state; without it, its disk space is not watched. */
  readonly space: Pick<Space, "claim" | "release"> | undefined;
  /** Bytes of the longest path that can be kept. */
  readonly longestPath: number;
}

/** Takes in what each server names. */
export class Intake {
  readonly #db: DatabaseSync;
  readonly #filter: Filter;
  readonly #space: IntakeTools["space"];
  readonly #charset: string | null;
  readonly #statements: Statements;
  readonly #generations: Generations;
  readonly #walks: Walks;
  readonly #judge: Judge;
  readonly #entries: EntryIntake;
  readonly #sets: Sets;
  readonly #longestPath: number;

  constructor(db: DatabaseSync, tools: IntakeTools) {
    this.#db = db;
    this.#filter = tools.filter;
    this.#space = tools.space;
    this.#charset = tools.charset;
    this.#statements = tools.statements;
    this.#generations = tools.generations;
    this.#walks = tools.walks;
    this.#judge = tools.judge;
    this.#entries = tools.entries;
    this.#sets = tools.sets;
    this.#longestPath = tools.longestPath;
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
      const refused = [...refusals];
      for (const entry of entries) {
        endBefore(entry.seq);
        if (isLonger(entry.path, this.#longestPath)) {
          if (entry.op === "+") refused.push(tooLong(entry, this.#longestPath));
          continue;
        }
        const standing = this.#entries.take(reading, entry, here);
        if (standing === "wanted") taken.new++;
        else if (["older", "conflict", "excluded"].includes(standing)) {
          taken.skipped++;
        }
      }
      endBefore(Infinity);
      keepRefusals(this.#db, reading, refused);
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
      server,
      number,
      after,
      page,
    }) as unknown as EntryRow[];
    transaction(this.#db, () => {
      for (const row of rows) this.#entries.withdraw(reading, row);
    });
    return rows.at(-1)?.path;
  }

  /** Notes that a reading has ended. */
  end({ server, number }: Reading): void {
    this.#statements.completeReading.run({ server, number });
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

/** Tells whether a path takes more bytes of UTF-8; a character takes three at most of each of its units. */
function isLonger(path: string, bytes: number): boolean {
  return path.length * 3 > bytes &&
    new TextEncoder().encode(path).length > bytes;
}

function tooLong({ seq, path }: Entry, longest: number): Refusal {
  const reason =
    `line ${seq}: its path is longer than ${longest} bytes, the most that a cluster can keep`;
  return { line: seq, path, reason };
}

function advance({ offset, tail, seq, modified }: Cursor) {
  return { offset, tail, seq, modified };
}
