/**
 * Looking at the synchronised list of a cluster, without changing it. Each function
 * does what that of its name in `lib/state/` does.
 *
 * @module
 */

import type { CopyOrder } from "../config/config.ts";
import { leastSigned } from "../delta/least-signed.ts";
import type { CopiedFile, Wanted } from "../files/wanted.ts";
import type { Backlog, Conflicts, Missing } from "../state/left.ts";
import type { FailedFile } from "../state/pass-report.ts";
import { refusalsTold } from "../state/refusals.ts";
import { wantedOf, type WantedRow } from "../state/synchronised-list.ts";
import type { Database } from "./database.ts";
import { oldestOf, waitingOf } from "./waiting.ts";

/** Files that stay away, at most, that a pass tells of. */
const missingTold = 1_000;

/** Columns of entries that copying needs, beside where they are found. */
const wanted = `
  SELECT entry.path, entry.remote, entry.seq, entry.mtime, entry.size, entry.mode,
    entry.digest, (entry.generation IS NULL)::int AS "inTree",
    (entry.error IS NOT NULL)::int AS "failedBefore", copy.mtime AS "mtimeHere",
    copy.size AS "sizeHere", copy.digest AS "digestHere",
    (SELECT path FROM copy AS other
      WHERE other.digest = entry.digest AND other.size = entry.size
        AND other.size >= ${leastSigned} LIMIT 1) AS twin
  FROM entry LEFT JOIN copy USING (path)`;

const texts = {
  claimed: `
    ${wanted} JOIN claimed USING (path) JOIN claim ON claim.id = claimed.claim
    WHERE claim.id = $1 AND entry.server = claim.server AND entry.seq = claimed.seq`,
  oldest: `
    ${wanted}
    WHERE entry.server = $1 AND standing = 'wanted' AND entry.seq > $3
    ORDER BY entry.seq LIMIT $2`,
  smallest: `
    ${wanted}
    WHERE entry.server = $1 AND standing = 'wanted'
      AND (entry.size, entry.seq) > ($4, $3)
    ORDER BY entry.size, entry.seq LIMIT $2`,
  here: `
    SELECT path, size, mtime, mode FROM copy
    WHERE path > $1 ORDER BY path LIMIT $2`,
  conflicts: `
    SELECT count(DISTINCT path) AS files, min(path) AS first FROM entry
    WHERE server = ANY ($1) AND standing = 'conflict'`,
  failed: `
    SELECT path, min(error) AS error FROM entry
    WHERE error IS NOT NULL AND standing = 'wanted' AND server = ANY ($1)
    GROUP BY path ORDER BY path LIMIT ${missingTold}`,
  refused: "SELECT count(*) AS count FROM refusal WHERE server = $1",
  refusals: `
    SELECT reason FROM refusal WHERE server = $1
    ORDER BY number LIMIT ${refusalsTold}`,
  unannounced: "SELECT path FROM copy WHERE announced = 0 ORDER BY path",
};

/** Returns the files of a claim, in `order`. */
export async function claimedFiles(
  database: Database,
  claim: number,
  order: CopyOrder = "oldest",
): Promise<Wanted[]> {
  const rows = await database.query<WantedRow>(texts.claimed, [claim]);
  const bySize = order === "smallest";
  return rows.map(wantedOf)
    .sort((a, b) => bySize && a.size - b.size || a.seq - b.seq);
}

/** Returns the next files that are wanted of `server` after `last`, in `order`. */
export async function wantedFiles(
  database: Database,
  { server, last, limit }: {
    readonly server: string;
    readonly last: Pick<Wanted, "seq" | "size"> | null;
    readonly limit: number;
  },
  order: CopyOrder = "oldest",
): Promise<Wanted[]> {
  const { seq, size } = last ?? { seq: 0, size: -1 };
  const values = [server, limit, seq, ...order === "oldest" ? [] : [size]];
  const rows = await database.query<WantedRow>(texts[order], values);
  return rows.map(wantedOf);
}

/** Returns the next files here after `after`, by path. */
export function copiesHere(
  database: Database,
  after: string,
  limit: number,
): Promise<readonly CopiedFile[]> {
  return database.query<CopiedFile>(texts.here, [after, limit]);
}

/** Returns what is still to be fetched from `server`, and the lag behind it and those `preferred` to it. */
export async function backlogOf(
  database: Database,
  server: string,
  preferred: readonly string[],
): Promise<Backlog> {
  const inUse = [...preferred, server];
  const [[conflicts], ...waiting] = await Promise.all([
    database.query<Conflicts>(texts.conflicts, [inUse]),
    ...inUse.map((each) => waitingOf(database, each)),
  ]);
  const { files: pending, bytes } = waiting.at(-1)!;
  const oldest = oldestOf(waiting) ?? Infinity;
  return {
    ...{ pending, bytes },
    lagSeconds: Math.max(0, Date.now() / 1_000 - oldest),
    conflicts: conflicts!,
  };
}

/** Returns what stays away of what `servers` name; refused lines, of `active`. */
export async function missingFrom(
  database: Database,
  servers: readonly string[],
  active: string,
): Promise<Missing> {
  const [failed, [refused], refusals] = await Promise.all([
    database.query<FailedFile>(texts.failed, [servers]),
    database.query<{ count: number }>(texts.refused, [active]),
    database.query<{ reason: string }>(texts.refusals, [active]),
  ]);
  const { count } = refused!;
  const reasons = refusals.map(({ reason }) => reason);
  return { failed: [...failed], refused: { count, reasons } };
}

/** Returns the files that arrived and that no hook was told of yet, by path. */
export async function unannounced(database: Database): Promise<string[]> {
  const rows = await database.query<{ path: string }>(texts.unannounced);
  return rows.map(({ path }) => path);
}
