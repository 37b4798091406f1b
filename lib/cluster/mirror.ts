/**
 * The whole shared list in SQLite, as it is at one moment: a dry run changes it there,
 * and nobody else sees that.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import { temporaryState, transaction } from "../state/database.ts";
import type { Database, Query } from "./database.ts";
import { type Row, TableRows } from "./rows.ts";
import { tables } from "./working-set.ts";

/** Rows that are asked for at a time. */
const page = 5_000;

/**
 * Reads the list of a cluster.
 *
 * @throws {LocalError} If the database does not answer.
 */
export async function mirrorOf(database: Database): Promise<DatabaseSync> {
  const db = temporaryState();
  try {
    await database.snapshot(async (query) => {
      for (const table of tables) {
        const rows = new TableRows(db, table);
        for await (const some of pagesOf(query, table)) {
          transaction(db, () => rows.put(some));
        }
      }
    });
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

async function* pagesOf(
  query: Query,
  table: string,
): AsyncGenerator<readonly Row[]> {
  // Each has a name of its own: a statement is prepared once, for its columns.
  const cursor = `all_of_${table}`;
  await query(
    `DECLARE ${cursor} NO SCROLL CURSOR FOR SELECT * FROM ${table}`,
  );
  for (;;) {
    const rows = await query<Row>(`FETCH ${page} FROM ${cursor}`);
    if (rows.length === 0) return;
    yield rows;
  }
}
