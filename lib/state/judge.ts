/**
 * Judging how the entries of the state stand to what is on the replica.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import type { Digest, Entry } from "../list/entry.ts";
import { Pacer } from "../pacer.ts";
import type { Timestamp } from "../timestamp.ts";
import { transaction } from "./database.ts";
import {
  comparePublication,
  judge,
  type Origin,
  type Standing,
} from "./standing.ts";
import type { Statements } from "./statements.ts";

/** One entry as the state keeps it. */
export interface Row {
  server: string;
  path: string;
  seq: number;
  generation: string | null;
  published: Timestamp;
  mtime: Timestamp;
  size: number;
  mode: number | null;
  digest: Digest | null;
}

/** How many rows are judged again in one transaction. */
const page = 10_000;

/** What is wanted of the paths that servers name. */
export interface Filter {
  readonly wants: (path: string) => boolean;
  /** Changes whenever the answers of `wants` may. */
  readonly fingerprint: string;
}

/** Judges entries, and writes how they stand. */
export class Judge {
  readonly #db: DatabaseSync;
  readonly #filter: Filter;
  readonly #statements: Statements;

  constructor(db: DatabaseSync, filter: Filter, statements: Statements) {
    this.#db = db;
    this.#filter = filter;
    this.#statements = statements;
  }

  /** What is on the replica under `path`. */
  here(path: string): Row | undefined {
    return this.#statements.copy.get({ path }) as Row | undefined;
  }

  /** Says how an entry stands to what is here under its path. */
  standing(
    offered: Row & Pick<Entry, "op">,
    here: Row | undefined,
  ): Standing {
    if (offered.op === "+") {
      return this.#filter.wants(offered.path)
        ? judge(offered, here)
        : "excluded";
    }
    return here === undefined || withdraws(offered, here)
      ? "withdrawn"
      : "older";
  }

  /** Judges the entries of all servers for one path, after what is here has changed. */
  judgePath(path: string): void {
    const here = this.here(path);
    const rows = this.#statements.named.all({ path }) as unknown as Row[];
    for (const row of rows) {
      const standing = this.standing({ ...row, op: "+" }, here);
      this.#statements.judge.run({ server: row.server, path, standing });
    }
  }

  /** Judges all entries of `server`, after the filter has changed. */
  async judgeAll(server: string): Promise<void> {
    const pacer = new Pacer();
    for (let after: string | undefined = ""; after !== undefined;) {
      const rows = this.#statements.page.all({
        server,
        after,
        page,
      }) as unknown as Row[];
      transaction(this.#db, () => {
        for (const row of rows) {
          const { path } = row;
          const standing = this.standing({ ...row, op: "+" }, this.here(path));
          this.#statements.judge.run({ server, path, standing });
        }
      });
      after = rows.at(-1)?.path;
      await pacer.pause();
    }
    const filters = this.#filter.fingerprint;
    this.#statements.refilter.run({ server, filters });
  }
}

/** Whether a withdrawal is about what is here, and not about an earlier file of that name. */
function withdraws(withdrawal: Origin, here: Origin): boolean {
  const order = comparePublication(withdrawal, here);
  return order === undefined
    ? Number(withdrawal.published) > Number(here.published)
    : order > 0;
}
