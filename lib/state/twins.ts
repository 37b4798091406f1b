/**
 * Lists that several servers have, of one generation: what was read of one of them
 * need not be read of the others.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import type { Cursor } from "../list/cursor.ts";
import type { Entry } from "../list/entry.ts";
import type { Provenance } from "../list/format.ts";
import { cursorOf, type ReadSoFar } from "./cursor.ts";
import { prepared } from "./prepared.ts";
import type { Refusal } from "./refusals.ts";

/** A list that was read to its end, of another server. */
export interface Twin {
  readonly server: string;
  readonly generation: string;
  readonly cursor: Cursor;
}

/** The lists of all servers, as far as they have been read. */
export class Twins {
  readonly #db: DatabaseSync;
  readonly #charset: string | null;

  /** @param charset See {@link Naming}; which file has a name may depend on the order of lines. */
  constructor(db: DatabaseSync, charset: string | null) {
    this.#db = db;
    this.#charset = charset;
  }

  /** Returns the longest list of that generation that was read of another server than `server`. */
  find(
    server: string,
    { generation, writer }: Pick<Provenance, "generation" | "writer">,
  ): Twin | undefined {
    if (this.#charset !== null || writer === null) return undefined;
    const row = prepared(
      this.#db,
      `SELECT server, generation, "offset", tail, seq, modified FROM list
       WHERE generation = :generation AND branch = generation
         AND server <> :server AND reading = complete AND charset IS NULL
       ORDER BY "offset" DESC LIMIT 1`,
    ).get({ server, generation }) as unknown as
      | (ReadSoFar & { server: string })
      | undefined;
    const cursor = row && cursorOf(row);
    return cursor && { server: row.server, generation, cursor };
  }

  /** Returns the last lines of the next paths after `after`. */
  entries(
    { server, generation }: Twin,
    after: string,
    limit: number,
  ): Entry[] {
    return prepared(
      this.#db,
      `SELECT seq, op, published, mtime, size, mode, digest, path FROM entry
       WHERE server = :server AND path > :after AND generation = :generation
         AND seq > 0
       ORDER BY path LIMIT :limit`,
    ).all({ server, generation, after, limit }) as unknown as Entry[];
  }

  /** Returns the lines that were refused. */
  refusals({ server }: Twin): Refusal[] {
    return prepared(
      this.#db,
      "SELECT line, path, reason FROM refusal WHERE server = ? ORDER BY number",
    ).all(server) as unknown as Refusal[];
  }
}
