/**
 * What only the leader writes to the synchronised list of a cluster: what it reads of
 * servers, what it withdraws, and whether nodes may claim. What a line or a withdrawal
 * means is decided by {@link SynchronisedList}, on the rows that it concerns; this file
 * says which rows these are. Each of its transactions is refused once another node leads.
 *
 * @module
 */

import { LocalError } from "../errors.ts";
import { readableName } from "../list/charset.ts";
import type { Cursor } from "../list/cursor.ts";
import type { Entry } from "../list/entry.ts";
import type { ReadSoFar } from "../state/cursor.ts";
import { cursorOf } from "../state/cursor.ts";
import type { Taken } from "../state/intake.ts";
import type { Life, Reading } from "../state/reading.ts";
import type { Refusal } from "../state/refusals.ts";
import type { SynchronisedList } from "../state/synchronised-list.ts";
import type { Taking } from "../synchro-list/store.ts";
import { type Database, run, type Session } from "./database.ts";
import type { Leadership } from "./leadership.ts";
import type { ListRows, Position } from "./list-rows.ts";
import { forgetLongGone } from "./long-gone.ts";
import type { Identity } from "./operations.ts";
import {
  type Claimant,
  close,
  identity,
  open,
  openAgain,
  type ServerClaim,
  takeWithdrawn,
} from "./statements.ts";
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
    WITH kept AS (
      SELECT path FROM withdrawal WHERE kept = 1 AND path > $2
      ORDER BY path LIMIT ${page}),
    changed AS (
      UPDATE entry SET standing = 'withdrawn' FROM kept
      WHERE entry.server = $1 AND entry.path = kept.path AND standing = 'gone')
    SELECT max(path) AS last FROM kept`,
  announce: "UPDATE copy SET announced = 1 WHERE path = ANY ($1)",
};

/** The synchronised list, as the leader works with it. */
export class LeaderList implements Taking {
  readonly #database: Database;
  readonly #rows: ListRows;
  readonly #leadership: Pick<Leadership, "term">;
  /** Where the next write has to go on, by server. */
  readonly #positions = new Map<string, Position>();
  /** Number of the last pass, as {@link identity} told it. */
  #lastPass: number | undefined;

  constructor(
    database: Database,
    rows: ListRows,
    leadership: Pick<Leadership, "term">,
  ) {
    this.#database = database;
    this.#rows = rows;
    this.#leadership = leadership;
  }

  /** Returns whose tables these are; only the pass after that which is named there can be opened from now on. */
  async identity(): Promise<Identity> {
    const found = await identity(this.#database);
    this.#lastPass = found.pass;
    return found;
  }

  /** Returns where reading the list of `server` goes on; see {@link Intake.cursor}. */
  async cursor(server: string): Promise<Cursor | undefined> {
    const [row] = await this.#database.query<
      ReadSoFar & { charset: string | null }
    >(texts.list, [server]);
    if (row === undefined || row.charset !== this.#rows.charset) {
      return undefined;
    }
    return cursorOf(row);
  }

  /** Begins to read a list; see {@link Intake.begin}. */
  async begin(server: string, life: Life | null): Promise<Reading> {
    const reading = await this.#change(
      [],
      ({ intake }) => intake.begin(server, life),
    );
    this.#positions.set(server, { reading: reading.number, seq: 0 });
    return reading;
  }

  /** Goes on with a reading; see {@link Intake.resume}. */
  async resume(server: string): Promise<Reading> {
    const stale = await this.#database.query<{ server: string }>(
      texts.staleFilters,
      [this.#rows.filter.fingerprint],
    );
    for (const row of stale) await this.#judgeAll(row.server);
    // Nothing is stale any more, and so it changes nothing.
    const [reading, position] = await this.#change([], ({ intake }) => {
      const resumed = intake.resumed(server);
      return [resumed, this.#rows.positionOf(server)!] as const;
    });
    this.#positions.set(server, position);
    return reading;
  }

  /** Takes in some entries, and how far the list is read by them; see {@link Intake.take}. */
  async take(
    reading: Reading,
    entries: readonly Entry[],
    cursor?: Cursor,
    refusals: readonly Refusal[] = [],
  ): Promise<Taken> {
    const { server } = reading;
    const paths = entries.flatMap(({ path }) => this.#placesOf(path));
    const taken = await this.#change(paths, ({ intake }) => {
      this.#assertPosition(server);
      return intake.take(reading, entries, cursor, refusals);
    });
    const seq = cursor?.seq ?? this.#positions.get(server)?.seq ?? 0;
    this.#positions.set(server, { reading: reading.number, seq });
    return taken;
  }

  /** Ends a reading; see {@link Intake.complete}. */
  async complete(reading: Reading): Promise<void> {
    const { server, number } = reading;
    const [list] = await this.#database.query<{ complete: number }>(
      texts.list,
      [server],
    );
    if (list!.complete === number) return;
    await this.#changeAll(
      [next.unnamed, server, number],
      ({ intake }) => intake.withdrawPage(reading, ""),
    );
    await this.#change([], ({ intake }) => intake.end(reading));
  }

  /** Applies what administrators have decided; see {@link SynchronisedList.resolve}. */
  async resolve(): Promise<void> {
    const decided = await this.#database.query<{ path: string }>(
      texts.resolutions,
    );
    if (decided.length === 0) return;
    const paths = decided.map(({ path }) => path);
    await this.#change(paths, (list) => list.resolve());
  }

  /** Wants files again that nodes have found damaged; see {@link SynchronisedList.refetch}. */
  async refetch(): Promise<void> {
    for (;;) {
      const damaged = await this.#database.query<{ path: string }>(
        texts.damaged,
      );
      if (damaged.length === 0) return;
      const paths = damaged.map(({ path }) => path);
      await this.#whileQuiet(async (session) => {
        await this.#rows.change(session, paths, (list) => list.refetch(paths));
        await run(session, texts.forgetDamaged, [paths]);
      });
    }
  }

  /** Follows what was withdrawn; see {@link Withdrawals.follow}. */
  async follow(active: string, keeps: boolean): Promise<void> {
    const servers = await this.#database.query<{ server: string }>(
      texts.servers,
    );
    for (const { server } of servers) {
      if (!keeps) await this.#keepNoLonger(server);
      const after = "";
      await this.#changeAll(
        [next.withdrawn, server],
        ({ withdrawals }) =>
          withdrawals.followPage(server, { active, keeps, after }),
      );
    }
    await this.#whileQuiet(forgetLongGone);
  }

  /** Claims files that are to be removed; see {@link takeWithdrawn}. */
  claimWithdrawn(
    claimant: Claimant,
    batch: { readonly server: string; readonly files: number },
  ): Promise<ServerClaim | undefined> {
    return this.#whileQuiet((session) =>
      takeWithdrawn(session, claimant, batch)
    );
  }

  /** Commits that a hook was told of these files. */
  async announced(paths: readonly string[]): Promise<void> {
    for (let from = 0; from < paths.length; from += page) {
      const some = paths.slice(from, from + page);
      await this.#inTerm((session) => run(session, texts.announce, [some]));
    }
  }

  /**
   * Lets nodes claim what is wanted of `server`.
   *
   * @throws {LocalError} If another pass than that of {@link identity} was the last one: the database is in an earlier state.
   */
  async open(server: string): Promise<void> {
    const isOpened = await this.#inTerm((session) =>
      open(session, server, this.#lastPass)
    );
    if (!isOpened) throw wentBack();
  }

  /** Lets nodes claim as before it was closed. */
  async openAgain(): Promise<void> {
    await this.#inTerm(openAgain);
  }

  /** Lets nodes claim nothing more. */
  async close(): Promise<void> {
    await this.#inTerm(close);
  }

  async #inTerm<Result>(
    work: (session: Session) => Promise<Result>,
  ): Promise<Result> {
    return await inTerm(this.#database, this.#leadership.term, work);
  }

  async #whileQuiet<Result>(
    work: (session: Session) => Promise<Result>,
  ): Promise<Result> {
    return await whileQuiet(this.#database, this.#leadership.term, work);
  }

  /** Runs `work` on the rows of `paths`. */
  #change<Result>(
    paths: readonly string[],
    work: (list: SynchronisedList) => Result,
  ): Promise<Result> {
    return this.#whileQuiet((session) =>
      this.#rows.change(session, paths, work)
    );
  }

  /** Runs `work` on all rows that a statement finds, page by page. */
  async #changeAll(
    [text, server, ...values]: readonly [string, string, ...unknown[]],
    work: (list: SynchronisedList) => unknown,
  ): Promise<void> {
    for (let after = "";;) {
      const last = await this.#whileQuiet(async (session) => {
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

  /** Has files removed that were kept so far. */
  async #keepNoLonger(server: string): Promise<void> {
    type Kept = { readonly last: string | null };
    for (let after: string | null = ""; after !== null;) {
      const values: readonly unknown[] = [server, after];
      const [kept] = await this.#whileQuiet((session) =>
        run<Kept>(session, texts.keepNoLonger, values)
      );
      after = kept!.last;
    }
  }

  async #judgeAll(server: string): Promise<void> {
    await this.#changeAll(
      [next.all, server],
      ({ judge }) => judge.judgePage(server, ""),
    );
    await this.#change([], ({ judge }) => judge.endJudging(server));
  }

  /** Paths under which a file may be kept that a server has under `path`. */
  #placesOf(path: string): string[] {
    const { charset } = this.#rows;
    if (charset === null) return [path];
    const readable = readableName(path, charset);
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
