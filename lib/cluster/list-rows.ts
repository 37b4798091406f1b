/**
 * The synchronised list on the rows of some paths: they are loaded, changed by
 * {@link SynchronisedList}, written back, and counted, in a transaction of the caller.
 *
 * @module
 */

import type { Filter } from "../state/judge.ts";
import { prepared } from "../state/prepared.ts";
import {
  type ListOptions,
  SynchronisedList,
} from "../state/synchronised-list.ts";
import type { Session } from "./database.ts";
import { count, type Counted } from "./members.ts";
import { longestPath } from "./rows.ts";
import { WorkingSet } from "./working-set.ts";

/** Files that a node has copied itself, and their bytes. */
export type Fetched = Pick<Counted, "copied" | "bytes">;

/** A server's list as it was when something was written last. */
export interface Position {
  readonly reading: number;
  readonly seq: number;
}

/** Rows of the synchronised list. */
export class ListRows implements Disposable {
  /** What of the servers' files is wanted. */
  readonly filter: Filter;
  /** See {@link ListOptions.charset}. */
  readonly charset: string | null;
  readonly #rows = new WorkingSet();
  readonly #list: SynchronisedList;
  readonly #node: string;
  /** Working sets are used one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  /** @param node Name of this node, for what it counts. */
  constructor(filter: Filter, options: ListOptions, node: string) {
    this.filter = filter;
    this.charset = options.charset ?? null;
    this.#list = new SynchronisedList(this.#rows.db, filter, {
      ...options,
      longestPath,
    });
    this.#node = node;
  }

  /** Runs `work` on the rows of `paths`, and writes what it has changed; counts what this node has `fetched`, if it is a commit. */
  change<Result>(
    session: Session,
    paths: readonly string[],
    work: (list: SynchronisedList) => Result,
    fetched?: Fetched,
  ): Promise<Result> {
    const done = this.#turn.then(async () => {
      await this.#rows.load(session, paths);
      this.#list.forget();
      const before = this.#rows.tally;
      const result = work(this.#list);
      await this.#rows.store(session);
      await this.#count(session, before, fetched);
      return result;
    });
    this.#turn = done.catch(() => {
      // The caller is told, through `done`.
    });
    return done;
  }

  /** Where the list of a server is, in the rows that are loaded. */
  positionOf(server: string): Position | undefined {
    return prepared(
      this.#rows.db,
      "SELECT reading, seq FROM list WHERE server = ?",
    ).get(server) as Position | undefined;
  }

  [Symbol.dispose](): void {
    this.#rows[Symbol.dispose]();
  }

  /** Counts what a change has brought; most bring nothing. */
  async #count(
    session: Session,
    before: WorkingSet["tally"],
    fetched: Fetched | undefined,
  ): Promise<void> {
    const { files, bytes } = this.#rows.tally;
    const here = files - before.files;
    const hereBytes = bytes - before.bytes;
    if (fetched === undefined && here === 0 && hereBytes === 0) return;
    const counted = { copied: 0, bytes: 0, ...fetched };
    await count(session, this.#node, { here, hereBytes, ...counted });
  }
}
