/**
 * Rows of the shared tables, in SQLite. The tables have the same columns on both sides.
 *
 * @module
 */

import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { prepared } from "../state/prepared.ts";

/** A row, by the names of its columns. */
export type Row = Readonly<Record<string, SQLInputValue>>;

/** A column of a table. */
export interface Column {
  readonly name: string;
  /** Its place in the primary key; 0 if it is no part of it. */
  readonly pk: number;
}

/** A table in SQLite that takes rows. */
export class TableRows {
  readonly columns: readonly Column[];
  readonly #put: StatementSync;

  constructor(db: DatabaseSync, table: string) {
    this.columns = prepared(db, "SELECT name, pk FROM pragma_table_info(?)")
      .all(table) as unknown as Column[];
    const names = this.columns.map(({ name }) => quoted(name));
    this.#put = prepared(
      db,
      `INSERT OR REPLACE INTO ${table} (${names}) VALUES (${
        names.map(() => "?")
      })`,
    );
  }

  put(rows: readonly Row[]): void {
    for (const row of rows) {
      this.#put.run(...this.columns.map(({ name }) => row[name]!));
    }
  }
}

/** Bytes of a path that fit into an index, which takes 2704 for a row. */
export const longestPath = 2_500;

/** Returns a name as SQL. */
export function quoted(name: string): string {
  return `"${name}"`;
}
