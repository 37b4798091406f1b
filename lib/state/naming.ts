/**
 * Under which path of the replica each file of a server is kept.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import { readableName } from "../list/charset.ts";
import { prepared } from "./prepared.ts";
import type { Reading } from "./reading.ts";

/** Path under which a file is kept. */
export interface Named {
  readonly path: string;
  /** Its path on the server, if that is another one. */
  readonly remote: string | null;
  /** Under which path a file is kept from now on that had `path` so far. */
  readonly displaced?: string;
}

/**
 * Gives files their names. One whose name was not UTF-8 on the server gets the
 * name that it reads in `replica.filename_charset`. If the server has a file that
 * is really called so, that one has the name, and the other keeps its `%XX` form:
 * so it is whichever of them a list names first, and so it stays until the list is
 * read from its start again.
 */
export class Naming {
  readonly #db: DatabaseSync;
  readonly #charset: string | null;

  /** @param charset `null`: every file keeps its name. */
  constructor(db: DatabaseSync, charset: string | null) {
    this.#db = db;
    this.#charset = charset;
  }

  /**
   * Says where the file is kept that a server has under `path`. To be called in
   * the transaction that writes its entry.
   */
  name(reading: Reading, path: string): Named {
    const asItIs = { path, remote: null };
    if (this.#charset === null) return asItIs;
    const readable = readableName(path, this.#charset);
    if (readable === undefined) {
      const holder = this.#holder(reading, path);
      if (holder === undefined || holder === path) return asItIs;
      this.#displace(reading, path);
      return { ...asItIs, displaced: holder };
    }
    if (this.#holder(reading, path) === path) return asItIs;
    const holder = this.#holder(reading, readable);
    return holder === undefined || holder === path
      ? { path: readable, remote: path }
      : asItIs;
  }

  /** The path on the server of the file that is kept under `path`; `undefined` if this reading has named none. */
  #holder({ server, number }: Reading, path: string): string | undefined {
    const row = prepared(
      this.#db,
      `SELECT coalesce(remote, path) AS remote FROM entry
       WHERE server = :server AND path = :path AND reading = :number`,
    ).get({ server, path, number }) as { remote: string } | undefined;
    return row?.remote;
  }

  #displace({ server }: Reading, path: string): void {
    prepared(
      this.#db,
      `UPDATE OR REPLACE entry SET path = remote, remote = NULL
       WHERE server = :server AND path = :path`,
    ).run({ server, path });
  }
}
