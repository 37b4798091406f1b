/**
 * The nodes of a cluster, as they show signs of life, and what there is to be seen of
 * all of them.
 *
 * @module
 */

import type { Conflicts } from "../state/left.ts";
import type { NodeNow, SharedCounts } from "../state/shared-view.ts";
import type { Database, Session } from "./database.ts";
import { run } from "./database.ts";
import { oldestOf, waitingOf } from "./waiting.ts";

/** Files that are named of those that fail. */
const failingTold = 20;

const texts = {
  seen: `
    INSERT INTO node (name, holder, seen) VALUES ($1, $2, clock_timestamp())
    ON CONFLICT (name) DO UPDATE SET holder = EXCLUDED.holder, seen = EXCLUDED.seen`,
  count: `
    UPDATE node SET seen = clock_timestamp(), copied = copied + $2,
      bytes = bytes + $3, here = here + $4, here_bytes = here_bytes + $5
    WHERE name = $1`,
  nodes: `
    SELECT name, copied, bytes,
      EXISTS (
        SELECT 1 FROM lease
        WHERE lease.holder = node.holder AND until > clock_timestamp()) AS leads,
      extract(epoch FROM clock_timestamp() - seen)::double precision
        AS silent_seconds,
      (SELECT count(*) FROM claim WHERE claim.holder = node.holder) AS claims
    FROM node WHERE seen > clock_timestamp() - interval '1 day' ORDER BY name`,
  cluster: "SELECT term, (SELECT count(*) FROM claim) AS claims FROM lease",
  server: `
    SELECT nullif(server, '') AS server,
      CASE WHEN server = '' THEN 0
        ELSE extract(epoch FROM since)::double precision END AS since
    FROM current_pass`,
  read: `
    SELECT server, "offset" AS bytes FROM list WHERE generation IS NOT NULL`,
  here: `
    SELECT sum(here)::bigint AS here, sum(here_bytes) AS bytes FROM node`,
  failed: `
    SELECT count(DISTINCT path) AS failed FROM entry WHERE error IS NOT NULL`,
  failing: `
    SELECT server, path, error FROM entry WHERE error IS NOT NULL
    ORDER BY path, server LIMIT ${failingTold}`,
  conflicts: `
    SELECT count(DISTINCT path) AS files, min(path) AS first FROM entry
    WHERE standing = 'conflict' AND server = ANY ($1)`,
};

/** A process of a node. */
export interface Member {
  readonly name: string;
  readonly holder: string;
}

/** Shows that a node lives. */
export async function showLife(
  database: Database,
  { name, holder }: Member,
): Promise<void> {
  await database.query(texts.seen, [name, holder]);
}

/** Changes of a node by one transaction. */
export interface Counted {
  /** Files that it has copied. */
  readonly copied: number;
  readonly bytes: number;
  /** Files that are here more than before, and their bytes. */
  readonly here: number;
  readonly hereBytes: number;
}

/** Counts what a node has changed: in rows of their own, nodes do not wait for each other. */
export async function count(
  session: Session,
  node: string,
  { copied, bytes, here, hereBytes }: Counted,
): Promise<void> {
  await run(session, texts.count, [node, copied, bytes, here, hereBytes]);
}

/** Returns the term, the claims, and the nodes that have lived lately. */
export async function lookAtNodes(database: Database): Promise<{
  readonly term: number;
  readonly claims: number;
  readonly nodes: readonly NodeNow[];
}> {
  const [[cluster], nodes] = await Promise.all([
    database.query<{ term: number; claims: number }>(texts.cluster),
    database.query<NodeNow>(texts.nodes),
  ]);
  return { ...cluster!, nodes };
}

/** Returns the server that files come from, and since when. */
export async function activeServer(
  database: Database,
): Promise<Pick<SharedCounts, "server" | "since">> {
  type Active = Pick<SharedCounts, "server" | "since">;
  const [active] = await database.query<Active>(texts.server);
  return active!;
}

/** Returns how the list stands; `preferred` are all servers, in order of preference. */
export async function lookAtList(
  database: Database,
  preferred: readonly string[],
): Promise<SharedCounts> {
  type Here = Pick<SharedCounts, "here" | "bytes">;
  const active = await activeServer(database);
  const server = active.server ?? "";
  const inUse = preferred.slice(0, preferred.indexOf(server) + 1);
  const [[here], waiting, [failed], failing, [conflicts], read] = await Promise
    .all([
      database.query<Here>(texts.here),
      Promise.all(inUse.map((each) => waitingOf(database, each))),
      database.query<{ failed: number }>(texts.failed),
      database.query<SharedCounts["failing"][number]>(texts.failing),
      database.query<Conflicts>(texts.conflicts, [inUse]),
      database.query<{ server: string; bytes: number }>(texts.read),
    ]);
  return {
    ...active,
    ...here!,
    pending: waiting.at(-1)?.files ?? 0,
    oldest: oldestOf(waiting),
    ...failed!,
    failing: [...failing],
    conflicts: conflicts!,
    read: Object.fromEntries(read.map(({ server, bytes }) => [server, bytes])),
  };
}
