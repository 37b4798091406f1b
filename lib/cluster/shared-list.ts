/**
 * The synchronised list of a cluster, in PostgreSQL. What a line, an arrival or a
 * withdrawal means is decided by {@link SynchronisedList}, on the rows that it
 * concerns; this file says which rows these are, and when they may be changed.
 *
 * @module
 */

import { LocalError } from "../errors.ts";
import type { Arrived } from "../files/wanted.ts";
import { readableName } from "../list/charset.ts";
import type { Cursor } from "../list/cursor.ts";
import type { Entry } from "../list/entry.ts";
import type { ReadSoFar } from "../state/cursor.ts";
import { cursorOf } from "../state/cursor.ts";
import type { Taken } from "../state/intake.ts";
import type { Filter } from "../state/judge.ts";
import type { FailedFile } from "../state/pass-report.ts";
import type { Life, Reading } from "../state/reading.ts";
import type { Refusal } from "../state/refusals.ts";
import type {
  ListOptions,
  SynchronisedList,
} from "../state/synchronised-list.ts";
import { type Database, run, type Session } from "./database.ts";
import { ListRows, type Position } from "./list-rows.ts";
import {
  type Claimant,
  close,
  commit,
  open,
  openAgain,
  type ServerClaim,
  takeWithdrawn,
} from "./statements.ts";
import { forgetLongGone } from "./long-gone.ts";
import { inTerm, whileQuiet } from "./terms.ts";

/** Rows that are changed in one transaction, where nothing else bounds it. */
const page = 500;

/** Paths of the next rows; `$1` is the server, `$2` the path before them. */
const next = {
  unnamed: `
    SELECT path FROM entry
    WHERE server = $1 AND path > $2 AND reading < $3 AND op = '+'
    ORDER BY path LIMIT ${page}`,
  all: `
    SELECT path FROM entry WHERE server = $1 AND path > $2
    ORDER BY path LIMIT ${page}`,
  withdrawn: `
    SELECT path FROM entry
    WHERE server = $1 AND path > $2 AND standing = 'withdrawn'
    ORDER BY path LIMIT ${page}`,
};

const texts = {
  list: "SELECT * FROM list WHERE server = $1",
  staleFilters: "SELECT server FROM list WHERE filters <> $1 ORDER BY server",
  servers: "SELECT server FROM list ORDER BY server",
  resolutions: "SELECT path FROM resolution ORDER BY path",
  damaged: `SELECT path FROM refetch ORDER BY path LIMIT ${page}`,
  forgetDamaged: "DELETE FROM refetch WHERE path = ANY ($1)",
  keepNoLonger: `
    UPDATE entry SET standing = 'withdrawn'
    WHERE server = $1 AND standing = 'gone'
      AND path IN (SELECT path FROM withdrawal WHERE kept = 1)`,
  fail: `
    UPDATE entry SET error = failed.error
    FROM jsonb_to_recordset($2::text::jsonb) AS failed (path text, error text)
    WHERE entry.server = $1 AND entry.path = failed.path`,
  announce: "UPDATE copy SET announced = 1 WHERE path = ANY ($1)",
};

/** The synchronised list, as one node works with it. */
export class SharedList implements Disposable {
  readonly #database: Database;
  readonly #filter: Filter;
  readonly #charset: string | null;
  readonly #rows: ListRows;
  /** Where the leader's next write has to go on, by server. */
  readonly #positions = new Map<string, Position>();

  /** @param node Name of this node, for what it counts. */
  constructor(
    database: Database,
    filter: Filter,
    options: ListOptions = {},
    node = "",
  ) {
    this.#database = database;
    this.#filter = filter;
    this.#charset = options.charset ?? null;
    this.#rows = new ListRows(filter, options, node);
  }

  /** Returns where reading the list of `server` goes on; see {@link Intake.cursor}. */
  async cursor(server: string): Promise<Cursor | undefined> {
    const [row] = await this.#database.query<
      ReadSoFar & { charset: string | null }
    >(texts.list, [server]);
    if (row === undefined || row.charset !== this.#charset) return undefined;
    return cursorOf(row);
  }

  /** The leader of `term`: begins to read a list; see {@link Intake.begin}. */
  async begin(
    term: number,
    server: string,
    life: Life | null,
  ): Promise<Reading> {
    const reading = await this.#lead(
      term,
      (session) =>
        this.#rows.change(
          session,
          [],
          ({ intake }) => intake.begin(server, life),
        ),
    );
    this.#positions.set(server, { reading: reading.number, seq: 0 });
    return reading;
  }

  /** The leader of `term`: goes on with a reading; see {@link Intake.resume}. */
  async resume(term: number, server: string): Promise<Reading> {
    const stale = await this.#database.query<{ server: string }>(
      texts.staleFilters,
      [this.#filter.fingerprint],
    );
    for (const row of stale) await this.#judgeAll(term, row.server);
    const [reading, position] = await this.#lead(
      term,
      (session) =>
        // Nothing is stale any more, and so it changes nothing.
        this.#rows.change(session, [], ({ intake }) => intake.resumed(server))
          .then((reading) =>
            [reading, this.#rows.positionOf(server)!] as const
          ),
    );
    this.#positions.set(server, position);
    return reading;
  }

  /**
   * The leader of `term`: takes in some entries, and how far the list is read by
   * them; see {@link Intake.take}.
   */
  async take(
    term: number,
    reading: Reading,
    entries: readonly Entry[],
    cursor?: Cursor,
    refusals: readonly Refusal[] = [],
  ): Promise<Taken> {
    const { server } = reading;
    const paths = entries.flatMap(({ path }) => this.#placesOf(path));
    const taken = await this.#lead(
      term,
      (session) =>
        this.#rows.change(session, paths, ({ intake }) => {
          this.#assertPosition(server);
          return intake.take(reading, entries, cursor, refusals);
        }),
    );
    const seq = cursor?.seq ?? this.#positions.get(server)?.seq ?? 0;
    this.#positions.set(server, { reading: reading.number, seq });
    return taken;
  }

  /** The leader of `term`: ends a reading; see {@link Intake.complete}. */
  async complete(term: number, reading: Reading): Promise<void> {
    const { server, number } = reading;
    const [list] = await this.#database.query<{ complete: number }>(
      texts.list,
      [server],
    );
    if (list!.complete === number) return;
    await this.#leadThrough(
      term,
      [next.unnamed, server, number],
      ({ intake }) => intake.withdrawPage(reading, ""),
    );
    await this.#lead(
      term,
      (session) =>
        this.#rows.change(session, [], ({ intake }) => intake.end(reading)),
    );
  }

  /** The leader of `term`: applies what administrators have decided; see {@link SynchronisedList.resolve}. */
  async resolve(term: number): Promise<void> {
    const decided = await this.#database.query<{ path: string }>(
      texts.resolutions,
    );
    if (decided.length === 0) return;
    const paths = decided.map(({ path }) => path);
    await this.#lead(
      term,
      (session) => this.#rows.change(session, paths, (list) => list.resolve()),
    );
  }

  /** The leader of `term`: wants files again that nodes have found damaged; see {@link SynchronisedList.refetch}. */
  async refetch(term: number): Promise<void> {
    for (;;) {
      const damaged = await this.#database.query<{ path: string }>(
        texts.damaged,
      );
      if (damaged.length === 0) return;
      const paths = damaged.map(({ path }) => path);
      await this.#lead(term, async (session) => {
        await this.#rows.change(session, paths, (list) => list.refetch(paths));
        await run(session, texts.forgetDamaged, [paths]);
      });
    }
  }

  /** The leader of `term`: follows what was withdrawn; see {@link Withdrawals.follow}. */
  async follow(term: number, active: string, keeps: boolean): Promise<void> {
    const servers = await this.#database.query<{ server: string }>(
      texts.servers,
    );
    for (const { server } of servers) {
      if (!keeps) {
        await this.#lead(
          term,
          (session) => run(session, texts.keepNoLonger, [server]),
        );
      }
      const after = "";
      await this.#leadThrough(
        term,
        [next.withdrawn, server],
        ({ withdrawals }) =>
          withdrawals.followPage(server, { active, keeps, after }),
      );
    }
    await this.#lead(term, forgetLongGone);
  }

  /** The leader of `term`: claims files that are to be removed; see {@link takeWithdrawn}. */
  claimWithdrawn(
    term: number,
    claimant: Claimant,
    batch: { readonly server: string; readonly files: number },
  ): Promise<ServerClaim | undefined> {
    return this.#lead(
      term,
      (session) => takeWithdrawn(session, claimant, batch),
    );
  }

  /**
   * Any node: commits that files of its claim are no longer here; false if the claim
   * is another node's by now.
   */
  async removed(claim: number, paths: readonly string[]): Promise<boolean> {
    const committed = await commit(
      this.#database,
      { id: claim, paths },
      async (session, claimed) => {
        const gone = claimed.map(({ path }) => path);
        await this.#rows.change(
          session,
          gone,
          ({ withdrawals }) => withdrawals.removed(gone),
        );
      },
    );
    return committed !== undefined;
  }

  /**
   * Any node: commits that files of its claim are here, to stay; false if the claim
   * is another node's by now.
   */
  async arrived(
    claim: number,
    server: string,
    files: readonly Arrived[],
    options: { readonly announce: boolean },
  ): Promise<boolean> {
    const paths = files.map(({ path }) => path);
    const committed = await commit(
      this.#database,
      { id: claim, paths },
      async (session, claimed) => {
        const sizes = new Map(claimed.map(({ path, size }) => [path, size]));
        const here = files.filter(({ path }) => sizes.has(path));
        const fetched = here.filter(({ fetched }) => fetched);
        const bytes = fetched.reduce(
          (sum, { path }) => sum + sizes.get(path)!,
          0,
        );
        await this.#rows.change(
          session,
          here.map(({ path }) => path),
          (list) => list.arrived(server, here, options),
          { copied: fetched.length, bytes },
        );
      },
    );
    return committed !== undefined;
  }

  /** The leader of `term`: commits that a hook was told of these files. */
  async announced(term: number, paths: readonly string[]): Promise<void> {
    await this.#inTerm(
      term,
      (session) => run(session, texts.announce, [paths]),
    );
  }

  /**
   * The leader of `term`: lets nodes claim what is wanted of `server`.
   *
   * @param after Number of the pass before, as it was compared with the directory.
   * @throws {LocalError} If it was another one: the database is in an earlier state.
   */
  async open(term: number, server: string, after?: number): Promise<void> {
    const isOpened = await this.#inTerm(
      term,
      (session) => open(session, server, after),
    );
    if (!isOpened) throw wentBack();
  }

  /** The leader of `term`: lets nodes claim as before it was closed. */
  async openAgain(term: number): Promise<void> {
    await this.#inTerm(term, openAgain);
  }

  /** The leader of `term`: lets nodes claim nothing more. */
  async close(term: number): Promise<void> {
    await this.#inTerm(term, close);
  }

  /** Any node: notes why files of `server` could not be copied; they stay wanted. */
  async failed(server: string, files: readonly FailedFile[]): Promise<void> {
    if (files.length === 0) return;
    await this.#database.query(texts.fail, [server, JSON.stringify(files)]);
  }

  [Symbol.dispose](): void {
    this.#rows[Symbol.dispose]();
  }

  #lead<Result>(
    term: number,
    work: (session: Session) => Promise<Result>,
  ): Promise<Result> {
    return whileQuiet(this.#database, term, work);
  }

  #inTerm<Result>(
    term: number,
    work: (session: Session) => Promise<Result>,
  ): Promise<Result> {
    return inTerm(this.#database, term, work);
  }

  /** Runs `work` on all rows that a statement finds, page by page. */
  async #leadThrough(
    term: number,
    [text, server, ...values]: readonly [string, string, ...unknown[]],
    work: (list: SynchronisedList) => unknown,
  ): Promise<void> {
    for (let after = "";;) {
      const last = await this.#lead(term, async (session) => {
        const rows = await run<{ path: string }>(
          session,
          text,
          [server, after, ...values],
        );
        const paths = rows.map(({ path }) => path);
        if (paths.length > 0) await this.#rows.change(session, paths, work);
        return paths.at(-1);
      });
      if (last === undefined) return;
      after = last;
    }
  }

  async #judgeAll(term: number, server: string): Promise<void> {
    await this.#leadThrough(
      term,
      [next.all, server],
      ({ judge }) => judge.judgePage(server, ""),
    );
    await this.#lead(
      term,
      (session) =>
        this.#rows.change(session, [], ({ judge }) => judge.endJudging(server)),
    );
  }

  /** Paths under which a file may be kept that a server has under `path`. */
  #placesOf(path: string): string[] {
    if (this.#charset === null) return [path];
    const readable = readableName(path, this.#charset);
    return readable === undefined ? [path] : [path, readable];
  }

  /** A request that seemed lost may have been done meanwhile, in this term. */
  #assertPosition(server: string): void {
    const expected = this.#positions.get(server);
    const found = this.#rows.positionOf(server);
    if (
      expected?.reading === found?.reading && expected?.seq === found?.seq
    ) return;
    throw new LocalError(
      `Cannot take in the list of ${server}: it was read further meanwhile`,
      { hint: "nothing needs to be done: the next pass goes on" },
    );
  }
}

function wentBack(): LocalError {
  return new LocalError(
    "Cannot write to the synchronised list: the database is in another state than when this pass began",
    { hint: "nothing needs to be done: the next pass examines it" },
  );
}
