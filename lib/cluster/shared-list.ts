/**
 * What any node writes to the synchronised list of a cluster: what came of its claims.
 * What an arrival or a removal means is decided by {@link SynchronisedList}, on the rows
 * that it concerns.
 *
 * @module
 */

import type { Arrived } from "../files/wanted.ts";
import type { FailedFile } from "../state/pass-report.ts";
import type { Database } from "./database.ts";
import type { ListRows } from "./list-rows.ts";
import { commit } from "./statements.ts";

const fail = `
  UPDATE entry SET error = failed.error
  FROM jsonb_to_recordset($2::text::jsonb) AS failed (path text, error text)
  WHERE entry.server = $1 AND entry.path = failed.path`;

/** The synchronised list, as each node works with it. */
export class SharedList {
  readonly #database: Database;
  readonly #rows: ListRows;

  constructor(database: Database, rows: ListRows) {
    this.#database = database;
    this.#rows = rows;
  }

  /**
   * Commits that files of a claim are here, to stay; false if the claim is another
   * node's by now.
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

  /**
   * Commits that files of a claim are no longer here; false if the claim is another
   * node's by now.
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

  /** Notes why files of `server` could not be copied; they stay wanted. */
  async failed(server: string, files: readonly FailedFile[]): Promise<void> {
    if (files.length === 0) return;
    await this.#database.query(fail, [server, JSON.stringify(files)]);
  }
}
