/**
 * Files here that servers have withdrawn, as {@link Withdrawals} has them on one machine.
 *
 * @module
 */

import type { Database } from "./database.ts";

/**
 * Condition on rows of `entry`, in SQL: the file was withdrawn, is here, and the server
 * `active`, which files come from, does not name it. Copies are looked up one by one:
 * with EXISTS, PostgreSQL might read all of them.
 */
export function isWithdrawn(active: string): string {
  return `
    entry.standing = 'withdrawn'
    AND (entry.server = ${active} OR NOT EXISTS (
      SELECT 1 FROM entry AS named
      WHERE named.server = ${active} AND named.path = entry.path AND named.op = '+'))
    AND (SELECT true FROM copy WHERE copy.path = entry.path)`;
}

// By server: PostgreSQL would rather sort all that was withdrawn.
const files = `
  SELECT DISTINCT ON (path) path, size
  FROM list CROSS JOIN LATERAL (
    SELECT path, (SELECT copy.size FROM copy WHERE copy.path = entry.path) AS size
    FROM entry
    WHERE entry.server = list.server AND path > $2 AND ${isWithdrawn("$1")}
    ORDER BY path LIMIT $3) AS entry
  ORDER BY path LIMIT $3`;

const texts = {
  files,
  count:
    `SELECT count(*) AS files, max(path) AS last FROM (${files}) AS counted`,
  here: "SELECT coalesce(sum(here), 0)::bigint AS here FROM node",
};

/** Files that are counted at a time: to count a million takes longer than a node waits. */
const page = 50_000;

/** Returns the next files after `after`, by path, that are to go as files come from `active`. */
export function withdrawnFiles(
  database: Database,
  active: string,
  after: string,
  limit: number,
): Promise<readonly { readonly path: string; readonly size: number }[]> {
  return database.query(texts.files, [active, after, limit]);
}

/** Returns how many files are to go as files come from `active`, and how many are here. */
export async function countWithdrawn(
  database: Database,
  active: string,
  limit = page,
): Promise<{ readonly withdrawn: number; readonly here: number }> {
  const [row] = await database.query<{ here: number }>(texts.here);
  let withdrawn = 0;
  for (let after: string | null = ""; after !== null;) {
    type Counted = { readonly files: number; readonly last: string | null };
    const counted: readonly Counted[] = await database.query<Counted>(
      texts.count,
      [active, after, limit],
    );
    const { files, last } = counted[0]!;
    withdrawn += files;
    after = files < limit ? null : last;
  }
  return { withdrawn, here: row!.here };
}
