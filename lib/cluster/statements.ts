/**
 * The lease, the fence and the claims as statements of PostgreSQL, on READ COMMITTED.
 * Each does what the function of the same name in tests/simulation/lease.ts or claims.ts
 * says.
 *
 * @module
 */

import type { CopyOrder } from "../config/config.ts";
import { type Database, run, type Session } from "./database.ts";
import type { Identity, Survey } from "./operations.ts";
import type { GrantedClaim, Wanted } from "./requests.ts";
import { assertKnown } from "./schema.ts";
import { isWithdrawn } from "./withdrawn.ts";

const now = "clock_timestamp()";

/** A number of milliseconds as SQL. */
const ms = (value: string) => `make_interval(secs => ${value} / 1000.0)`;

/** The node of a holder as SQL. */
const nodeOf = (holder: string) => `split_part(${holder}, '/', 1)`;
/** Answer of what grants a claim: a row for each of its files. */
const answer = `
    SELECT id, server, behind, removes, path, seq, size
    FROM granted LEFT JOIN taken ON true`;

/**
 * A batch of what is wanted, in the order of `columns`; behind all claims, if `$5`: to
 * pass over what they hold takes time. Two may read the same rows: the first to insert
 * a path has it.
 */
function takeIn(...columns: readonly string[]): string {
  const order = columns.join(", ");
  const backwards = columns.map((column) => `${column} DESC`).join(", ");
  const ends = columns.map((column) => `
          coalesce((
            SELECT last_${column} FROM claim
            WHERE $5 AND server = (SELECT server FROM pass) AND NOT removes
            ORDER BY ${columns.map((each) => `last_${each} DESC`).join(", ")}
            LIMIT 1), -1)`);
  return `
    WITH pass AS (SELECT server FROM current_pass WHERE open FOR SHARE),
    free AS (
      SELECT path, seq, size FROM entry
      WHERE server = (SELECT server FROM pass) AND standing = 'wanted'
        AND (${order}) > (${ends.join(", ")})
        AND NOT EXISTS (SELECT 1 FROM claimed WHERE claimed.path = entry.path)
      ORDER BY ${order} LIMIT $3 FOR UPDATE SKIP LOCKED),
    batch AS (
      SELECT path, seq, size
      FROM (
        SELECT *, sum(size) OVER (ORDER BY ${order}) - size AS before FROM free)
        AS summed
      WHERE before = 0 OR before < $4),
    granted AS (
      INSERT INTO claim (holder, server, until, behind, last_size, last_seq)
      SELECT $1, server, ${now} + ${ms("$2")}, '{}', size, seq
      FROM pass CROSS JOIN (
        SELECT size, seq FROM batch ORDER BY ${backwards} LIMIT 1) AS last
      RETURNING id, server, behind, removes),
    taken AS (
      INSERT INTO claimed (path, claim, seq, size)
      SELECT path, id, seq, size FROM batch CROSS JOIN granted
      ON CONFLICT (path) DO NOTHING RETURNING path, seq, size)
    ${answer} ORDER BY ${order}`;
}

const texts = {
  take: {
    oldest: takeIn("seq"),
    smallest: takeIn("size", "seq"),
  },
  acquire: `
    UPDATE lease SET
      former = CASE
        WHEN until > ${now} OR ${nodeOf("holder")} IN ('', ${nodeOf("$1")})
        THEN former ELSE ${nodeOf("holder")} END,
      term = CASE WHEN until > ${now} THEN term ELSE term + 1 END,
      holder = $1, until = ${now} + ${ms("$2")}
    WHERE until <= ${now} OR holder = $1
    RETURNING term`,
  resign: `
    UPDATE lease SET holder = '', until = ${now}
    WHERE term = $1 AND until > ${now}`,
  former: "SELECT former FROM lease WHERE term = $1",
  forgetFormer: "UPDATE lease SET former = '' WHERE term = $1",
  // A new term has to wait until the transaction has ended.
  isHeld: `
    SELECT 1 FROM lease WHERE term = $1 AND until > ${now} FOR SHARE`,
  open: `
    UPDATE current_pass SET open = true, server = $1, number = number + 1,
      since = CASE WHEN server = $1 THEN since ELSE ${now} END
    WHERE number = coalesce($2, number) RETURNING number`,
  openAgain: "UPDATE current_pass SET open = true",
  forgetTried: "DELETE FROM claimed WHERE claim IS NULL",
  close: "UPDATE current_pass SET open = false",
  isQuiet: `
    SELECT 1 FROM current_pass
    WHERE NOT open AND NOT EXISTS (SELECT 1 FROM claim) FOR UPDATE`,
  // Nothing else is claimed meanwhile. By server: PostgreSQL would rather sort all that was withdrawn.
  takeWithdrawn: `
    WITH batch AS (
      SELECT DISTINCT ON (entry.path) entry.path, entry.seq, entry.size
      FROM list CROSS JOIN LATERAL (
        SELECT path, seq,
          (SELECT copy.size FROM copy WHERE copy.path = entry.path) AS size
        FROM entry
        WHERE entry.server = list.server AND ${isWithdrawn("$3")}
          AND NOT EXISTS (SELECT 1 FROM claimed WHERE claimed.path = entry.path)
        ORDER BY path LIMIT $4) AS entry
      ORDER BY entry.path LIMIT $4),
    granted AS (
      INSERT INTO claim (holder, server, until, behind, removes)
      SELECT $1, $3, ${now} + ${ms("$2")}, '{}', true
      WHERE EXISTS (SELECT 1 FROM batch)
      RETURNING id, server, behind, removes),
    taken AS (
      INSERT INTO claimed (path, claim, seq, size)
      SELECT path, id, seq, size FROM batch CROSS JOIN granted
      RETURNING path, seq, size)
    ${answer} ORDER BY path`,
  takeOver: `
    WITH old AS (
      SELECT * FROM claim WHERE until <= ${now}
      ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED),
    granted AS (
      INSERT INTO claim
        (holder, server, until, behind, removes, last_size, last_seq)
      SELECT $1, server, ${now} + ${ms("$2")}, behind || id,
        removes, last_size, last_seq
      FROM old
      RETURNING id, server, behind, removes),
    gone AS (DELETE FROM claim USING old WHERE claim.id = old.id),
    taken AS (
      UPDATE claimed SET claim = granted.id FROM granted, old
      WHERE claimed.claim = old.id RETURNING path, seq, size)
    ${answer} ORDER BY seq`,
  extend: `
    UPDATE claim SET until = ${now} + ${ms("$2")}
    WHERE id = $1 AND until > ${now} RETURNING id`,
  // Who takes the claim over passes over a row that is locked.
  holdForCommit: "SELECT 1 FROM claim WHERE id = $1 FOR UPDATE",
  claimedAmong: `
    SELECT path, seq, size FROM claimed
    WHERE claim = $1 AND path = ANY ($2) ORDER BY seq`,
  commit: "DELETE FROM claimed WHERE claim = $1 AND path = ANY ($2)",
  identity: `
    SELECT token::text, number AS pass,
      NOT EXISTS (SELECT 1 FROM list) AS "isNew", version
    FROM identity CROSS JOIN current_pass CROSS JOIN version`,
  survey: `
    SELECT number AS pass, open AS "isOpen", server, (SELECT count(*) FROM claim) AS claims,
      open AND EXISTS (
        SELECT 1 FROM entry
        WHERE entry.server = current_pass.server AND standing = 'wanted'
          AND NOT EXISTS (SELECT 1 FROM claimed WHERE claimed.path = entry.path))
        AS "isAnythingFree"
    FROM current_pass`,
  release: `
    WITH gone AS (DELETE FROM claim WHERE id = $1 RETURNING id),
    untried AS (
      DELETE FROM claimed USING gone
      WHERE claimed.claim = gone.id AND path <> ALL ($2))
    UPDATE claimed SET claim = NULL FROM gone
    WHERE claimed.claim = gone.id AND path = ANY ($2)`,
};

/**
 * Returns whose tables these are.
 *
 * @throws {LocalError} If a newer relais has changed them meanwhile.
 */
export async function identity(database: Database): Promise<Identity> {
  const [row] = await database.query<Identity & { version: number }>(
    texts.identity,
  );
  const { version, ...identity } = row!;
  assertKnown(version, database.config);
  return identity;
}

/** Returns how the work of all nodes stands. */
export async function survey(
  database: Database,
): Promise<Omit<Survey, "term">> {
  const [row] = await database.query<Omit<Survey, "term">>(texts.survey);
  return row!;
}

/** A claim, and the server that its files are to come from. */
export interface ServerClaim extends GrantedClaim {
  readonly server: string;
}

/** The size of a batch: it ends with the file that reaches one of them. */
export interface BatchLimits {
  readonly files: number;
  readonly bytes: number;
}

/** A node that asks for something. */
export interface Claimant {
  readonly holder: string;
  readonly leaseMs: number;
}

/** Asks for the lease; returns the term, or `undefined` if another node holds it. */
export async function acquire(
  database: Database,
  { holder, leaseMs }: Claimant,
): Promise<number | undefined> {
  const values = [holder, leaseMs];
  const [row] = await database.query<{ term: number }>(texts.acquire, values);
  return row?.term;
}

/** Ends a term early. */
export async function resign(database: Database, term: number): Promise<void> {
  await database.query(texts.resign, [term]);
}

/**
 * In a transaction of the leader of `term`: returns the node that led before and did not
 * give it up, and forgets it; "" if there is none, or somebody was told of it.
 */
export async function takeFormer(
  session: Session,
  term: number,
): Promise<string> {
  const rows = await run<{ former: string }>(session, texts.former, [term]);
  const former = rows[0]?.former ?? "";
  if (former !== "") await run(session, texts.forgetFormer, [term]);
  return former;
}

/**
 * Runs `work` in a transaction of the leader; returns `undefined` if the fence
 * refuses it, because this is no longer the term.
 */
export function fenced<Result>(
  database: Database,
  term: number,
  work: (session: Session) => Promise<Result>,
): Promise<Result | undefined> {
  return database.transaction(async (session) => {
    const [held] = await run(session, texts.isHeld, [term]);
    return held === undefined ? undefined : await work(session);
  });
}

/**
 * In a transaction of the leader: lets nodes claim what is wanted of `server`; returns
 * false if the pass before was not number `after`. Without that, any will do.
 */
export async function open(
  session: Session,
  server: string,
  after: number | null = null,
): Promise<boolean> {
  const [opened] = await run(session, texts.open, [server, after]);
  if (opened === undefined) return false;
  await run(session, texts.forgetTried);
  return true;
}

/** In a transaction of the leader: lets nodes claim as before it was closed. */
export async function openAgain(session: Session): Promise<void> {
  await run(session, texts.openAgain);
}

/** In a transaction of the leader: lets nodes claim nothing more. */
export async function close(session: Session): Promise<void> {
  await run(session, texts.close);
}

/** In a transaction of the leader: tells whether what is wanted may be changed. */
export async function isQuiet(session: Session): Promise<boolean> {
  const [quiet] = await run(session, texts.isQuiet);
  return quiet !== undefined;
}

/** Asks for a batch of what is wanted, in `order`; `undefined`: there is none. */
export async function take(
  database: Database,
  { holder, leaseMs }: Claimant,
  { files, bytes }: BatchLimits,
  order: CopyOrder = "oldest",
): Promise<ServerClaim | undefined> {
  const ask = async (isBehindClaims: boolean) => {
    const values = [holder, leaseMs, files, bytes, isBehindClaims];
    return grantedOf(await database.query(texts.take[order], values));
  };
  // What was given back lies before the claims.
  return await ask(true) ?? await ask(false);
}

/**
 * In a transaction of the leader, while nothing is claimed: asks for a batch of what
 * is to be removed as files come from `server`; `undefined`: there is none.
 */
export async function takeWithdrawn(
  session: Session,
  { holder, leaseMs }: Claimant,
  { server, files }: { readonly server: string; readonly files: number },
): Promise<ServerClaim | undefined> {
  const values = [holder, leaseMs, server, files];
  return grantedOf(await run(session, texts.takeWithdrawn, values));
}

/** Asks for a claim that ran out; `undefined`: there is none. */
export async function takeOver(
  database: Database,
  { holder, leaseMs }: Claimant,
): Promise<ServerClaim | undefined> {
  return grantedOf(await database.query(texts.takeOver, [holder, leaseMs]));
}

/** Asks for more time for a claim; false: it ran out, or is another node's by now. */
export async function extend(
  database: Database,
  id: number,
  leaseMs: number,
): Promise<boolean> {
  const rows = await database.query(texts.extend, [id, leaseMs]);
  return rows.length > 0;
}

/**
 * Ends the claim on files that are in place, or gone, and runs `work` with them in the
 * same transaction; returns `undefined` if the claim is gone.
 *
 * The entries come first: a node that claims locks an entry, and then looks whether
 * its path is claimed. The other way round, each would wait for the other.
 */
export function commit(
  database: Database,
  { id, paths }: { readonly id: number; readonly paths: readonly string[] },
  work: (session: Session, files: readonly Wanted[]) => Promise<void>,
): Promise<readonly Wanted[] | undefined> {
  return database.transaction(async (session) => {
    const [held] = await run(session, texts.holdForCommit, [id]);
    if (held === undefined) return undefined;
    const values = [id, paths];
    const files = await run<Wanted>(session, texts.claimedAmong, values);
    await work(session, files);
    await run(session, texts.commit, values);
    return files;
  });
}

/** Gives back what is left of a claim; what was tried in vain, for the next pass. */
export async function release(
  database: Database,
  id: number,
  tried: readonly string[],
): Promise<void> {
  await database.query(texts.release, [id, tried]);
}

interface GrantedRow {
  readonly id: number;
  readonly server: string;
  readonly behind: readonly number[];
  readonly removes: boolean;
  /** `null`: there are no files in it. */
  readonly path: string | null;
  readonly seq: number;
  readonly size: number;
}

function grantedOf(rows: readonly GrantedRow[]): ServerClaim | undefined {
  const [first] = rows;
  if (first === undefined) return undefined;
  const files = rows.flatMap(({ path, seq, size }) =>
    path === null ? [] : [{ path, seq, size }]
  );
  const { id, server, behind, removes } = first;
  return { id, server, behind, removes, files };
}
