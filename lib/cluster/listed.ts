/**
 * The entries of the shared list, for a person.
 *
 * @module
 */

import { temporaryState, transaction } from "../state/database.ts";
import {
  conditions,
  greatest,
  type ListedFile,
  listedFiles as sorted,
  type ListQuery,
} from "../state/overview.ts";
import type { Database } from "./database.ts";
import { type Row, TableRows } from "./rows.ts";

/** Entries that are asked for at a time: who reads them may take hours, and keeps nobody waiting. */
const page = 5_000;

/** Columns of an entry that a person is shown. */
const shown = "server, path, size, mtime, standing, error";

/** Yields entries of all servers; see the function of the same name in `lib/state/overview.ts`. */
export async function* listedFiles(
  database: Database,
  query: ListQuery,
): AsyncGenerator<ListedFile> {
  if (query.sort === "path") {
    for await (const rows of pages<ListedFile>(database, query, shown)) {
      yield* rows;
    }
    return;
  }
  // The whole selection has to be known before the first of it can be shown.
  using db = temporaryState();
  const entries = new TableRows(db, "entry");
  for await (const rows of pages<Row>(database, query, "*")) {
    transaction(db, () => entries.put(rows));
  }
  yield* sorted(db, { ...query, prefix: "" });
}

/** Yields some columns of entries, by path. */
async function* pages<Entry extends object>(
  database: Database,
  { selection, since, prefix }: ListQuery,
  columns: string,
): AsyncGenerator<readonly Entry[]> {
  // By server: the primary key has the paths of each in their order.
  const text = `
    SELECT entry.* FROM list CROSS JOIN LATERAL (
      SELECT ${columns} FROM entry
      WHERE server = list.server AND path BETWEEN $1 AND $2
        AND (path > $3 OR list.server COLLATE "C" > $4)
        AND ${conditions[selection]} AND published::double precision >= $5
      ORDER BY path LIMIT ${page}) AS entry
    ORDER BY entry.path, entry.server COLLATE "C" LIMIT ${page}`;
  const to = prefix + greatest;
  for (let last = { path: "", server: "" };;) {
    const from = last.path === "" ? prefix : last.path;
    const values = [from, to, last.path, last.server, since];
    const rows = await database.query<Entry>(text, values);
    if (rows.length > 0) yield rows;
    if (rows.length < page) return;
    last = rows.at(-1) as unknown as ListedFile;
  }
}
