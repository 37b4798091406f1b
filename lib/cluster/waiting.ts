/**
 * Files of a server that wait to be copied: how many they are, and since when.
 *
 * @module
 */

import type { Database } from "./database.ts";

/** Files that are counted; the number of more is estimated, because to count them may take longer than a lease. */
export const countedAtMost = 100_000;

const text = `
  WITH counted AS (
    SELECT seq, size, published FROM entry
    WHERE server = $1 AND standing = 'wanted' ORDER BY seq LIMIT ${countedAtMost})
  SELECT count(*) AS files, coalesce(sum(size), 0)::double precision AS bytes,
    min(published::double precision) AS oldest,
    coalesce(min(seq), 0) AS "from", coalesce(max(seq), 0) AS "to",
    coalesce((
      SELECT max(seq) FROM entry WHERE server = $1 AND standing = 'wanted'), 0)
      AS "end"
  FROM counted`;

/** Files that wait. */
export interface Waiting {
  readonly files: number;
  readonly bytes: number;
  /** When the first of those that were counted was published, in seconds since the epoch; `null`: none waits. */
  readonly oldest: number | null;
}

interface Row extends Waiting {
  /** Lines of the first and the last file that was counted, and of the last that waits. */
  readonly from: number;
  readonly to: number;
  readonly end: number;
}

/**
 * Returns how many files of `server` wait. If there are more than {@link countedAtMost},
 * those among the first lines of the list are counted, and as many are taken to wait
 * among the others.
 */
export async function waitingOf(
  database: Database,
  server: string,
): Promise<Waiting> {
  const [row] = await database.query<Row>(text, [server]);
  const { files, bytes, oldest, from, to, end } = row!;
  const share = (end - from + 1) / (to - from + 1);
  return { files: Math.round(files * share), bytes: bytes * share, oldest };
}

/** Returns when the first file that waits was published, of several servers. */
export function oldestOf(waiting: readonly Waiting[]): number | null {
  const dates = waiting.flatMap(({ oldest }) => oldest ?? []);
  return dates.length === 0 ? null : Math.min(...dates);
}
