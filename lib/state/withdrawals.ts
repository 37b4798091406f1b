/**
 * Files that servers have withdrawn, and the fate of their copies.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import { comparePaths } from "../list/path.ts";
import { Pacer } from "../worker/pacer.ts";
import { transaction } from "./database.ts";
import type { EntryRow, Judge } from "./judge.ts";
import { namedServers, type Statements } from "./statements.ts";
import type { Superseded } from "./superseded.ts";

/** Rows that are changed in one transaction, where nothing else bounds it. */
const page = 500;

/** Time for which a withdrawal is remembered that no server contradicts. */
export const withdrawalKeepSeconds = 30 * 86_400;

/** Follows what servers withdraw. */
export class Withdrawals {
  readonly #db: DatabaseSync;
  readonly #statements: Statements;
  readonly #superseded: Superseded;
  readonly #judge: Judge;

  constructor(
    db: DatabaseSync,
    { statements, superseded, judge }: {
      readonly statements: Statements;
      readonly superseded: Superseded;
      readonly judge: Judge;
    },
  ) {
    this.#db = db;
    this.#statements = statements;
    this.#superseded = superseded;
    this.#judge = judge;
  }

  /**
   * Follows what was withdrawn, for good where nothing is to be removed: from now on
   * no other server brings these files back. It counts what `active` has withdrawn,
   * and any other server that alone had named the file.
   *
   * @param keeps Whether what is here stays nevertheless.
   */
  async follow(active: string, keeps: boolean): Promise<void> {
    const pacer = new Pacer();
    for (const server of namedServers(this.#statements)) {
      if (!keeps) this.#statements.keepNoLonger.run({ server });
      for (let after: string | undefined = ""; after !== undefined;) {
        after = this.followPage(server, { active, keeps, after });
        await pacer.pause();
      }
    }
    this.#forgetLongGone();
  }

  /**
   * Follows what `server` has withdrawn of some paths after `after`, as {@link follow}
   * has it; returns the last of them, or `undefined` if there is none.
   */
  followPage(
    server: string,
    { active, keeps, after }: {
      readonly active: string;
      readonly keeps: boolean;
      readonly after: string;
    },
  ): string | undefined {
    const rows = this.#statements.following.all({
      server,
      active,
      after,
      page,
    }) as unknown as EntryRow[];
    transaction(this.#db, () => {
      for (const row of rows) {
        const isHere = this.#statements.copy.get({ path: row.path }) !==
          undefined;
        if (keeps || !isHere) this.#follow(row, isHere);
      }
    });
    return rows.at(-1)?.path;
  }

  /**
   * The next files after `after`, by path, that are on the replica and were
   * withdrawn, as {@link follow} has it; but for those of the server `leftOut`.
   */
  files(
    active: string,
    after: string,
    limit: number,
    leftOut?: string,
  ): { path: string; size: number }[] {
    const servers = namedServers(this.#statements)
      .filter((server) => server !== leftOut);
    const files = servers.flatMap((server) =>
      this.#statements.withdrawn.all({ server, active, after, limit }) as {
        path: string;
        size: number;
      }[]
    );
    const byPath = new Map(files.map((file) => [file.path, file]));
    return [...byPath.values()].sort((a, b) => comparePaths(a.path, b.path))
      .slice(0, limit);
  }

  /** Number of files on the replica that were withdrawn, as {@link follow} has it. */
  count(active: string): number {
    const counts = namedServers(this.#statements).map((server) =>
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

  /** Lets a withdrawal be what is newest of its path. */
  #follow(row: EntryRow, kept: boolean): void {
    const { path, server, seq, generation, published, mtime } = row;
    const before = this.#judge.here(path);
    if (before?.op === "+") this.#superseded.leave(path, before);
    this.#statements.follow.run({
      path,
      server,
      seq,
      generation,
      published,
      mtime,
      kept: kept ? 1 : 0,
      at: Date.now() / 1_000,
    });
    this.#statements.judge.run({ server, path, standing: "gone" });
    this.#statements.endResolution.run({ path });
    this.#statements.forgetHere.run({ server, path });
    this.#judge.judgePath(path);
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
}
