/**
 * The tables of a cluster in PostgreSQL, as the steps that led to them. A step that
 * was released is never changed. They lie in a schema of the cluster's name, so that
 * several clusters can share a database.
 *
 * Nodes of an earlier version may be at work while a step is taken: they ask for the
 * version at each pass and each claim. What they have claimed before, they may still
 * commit: a step has to let them, or make them fail.
 *
 * @module
 */

import { LocalError } from "../errors.ts";
import { addressText } from "../config/address.ts";
import type { CopyOrder } from "../config/config.ts";
import {
  type Database,
  type DatabaseConfig,
  type Query,
  run,
  searchPathOf,
  type Session,
} from "./database.ts";
import { poolerHint } from "./failure.ts";

/** Statements that lead from each version of the schema to the next; the first makes it. */
const steps: readonly string[] = [
  `
-- Who leads: see tests/simulation/lease.ts.
CREATE TABLE lease (
  single boolean PRIMARY KEY DEFAULT true CHECK (single),
  term   bigint NOT NULL,
  holder text NOT NULL,        -- '': it was given up
  until  timestamptz NOT NULL,
  former text NOT NULL         -- the node that led before and did not give it up; '': none, or it was told
);
INSERT INTO lease (term, holder, until, former) VALUES (0, '', '-infinity', '');

-- What the administrator was told of, and still lasts. Dates in milliseconds since the epoch.
CREATE TABLE told (
  condition text PRIMARY KEY,
  began     double precision NOT NULL,
  seen      double precision NOT NULL, -- for the last time
  told      double precision NOT NULL  -- for the last time
);

-- Tells one life of these tables from another; into holds the same: see lib/copy-list/node-guard.ts.
CREATE TABLE identity (
  single boolean PRIMARY KEY DEFAULT true CHECK (single),
  token  uuid NOT NULL
);
INSERT INTO identity (token) VALUES (gen_random_uuid());

-- The nodes, and what each has done; here and here_bytes of all add up to what is here.
CREATE TABLE node (
  name       text PRIMARY KEY,
  holder     text NOT NULL,
  seen       timestamptz NOT NULL,
  copied     bigint NOT NULL DEFAULT 0,
  bytes      double precision NOT NULL DEFAULT 0,
  here       bigint NOT NULL DEFAULT 0,
  here_bytes double precision NOT NULL DEFAULT 0
);

-- What nodes may claim: the files that this server has and the replica wants.
CREATE TABLE current_pass (
  single boolean PRIMARY KEY DEFAULT true CHECK (single),
  number bigint NOT NULL,      -- counts the times that it was opened
  open   boolean NOT NULL,
  server text NOT NULL,
  since  timestamptz NOT NULL DEFAULT '-infinity', -- that it is this server
  accepts_shrink boolean NOT NULL DEFAULT false  -- an administrator has said so, for the next pass
);
INSERT INTO current_pass (number, open, server) VALUES (0, false, '');

-- Batches of files that nodes copy or remove: see tests/simulation/claims.ts.
CREATE TABLE claim (
  id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  holder text NOT NULL,
  server text NOT NULL,        -- that the files are to come from
  until  timestamptz NOT NULL,
  behind bigint[] NOT NULL,    -- claims on the same files before it
  removes boolean NOT NULL DEFAULT false,
  last_size bigint NOT NULL DEFAULT 0,  -- of its last file, in the order of claims
  last_seq  bigint NOT NULL DEFAULT 0
);
CREATE TABLE claimed (
  path  text COLLATE "C" PRIMARY KEY,
  claim bigint,                -- NULL: given back, until the next pass
  seq   bigint NOT NULL,
  size  bigint NOT NULL
);
CREATE INDEX claimed_claim ON claimed (claim);

-- The synchronised list, with the tables and columns of lib/state/schema.ts.
CREATE TABLE list (
  server     text PRIMARY KEY,
  generation text,
  "offset"   bigint NOT NULL,
  tail       bytea NOT NULL,
  seq        bigint NOT NULL,
  reading    bigint NOT NULL,
  complete   bigint NOT NULL,
  filters    text NOT NULL,
  charset    text,
  branch     text,
  modified   double precision,
  not_files  text,
  sets       bigint
);
CREATE TABLE entry (
  server     text NOT NULL,
  path       text COLLATE "C" NOT NULL,
  seq        bigint NOT NULL,
  generation text,
  published  text NOT NULL,
  mtime      text NOT NULL,
  size       bigint NOT NULL,
  mode       bigint,
  digest     text,
  reading    bigint NOT NULL,
  standing   text NOT NULL,
  error      text,
  remote     text,
  op         text NOT NULL DEFAULT '+',
  number     bigint NOT NULL DEFAULT 0,
  here       bigint,
  PRIMARY KEY (server, path)
);
CREATE INDEX entry_wanted ON entry (server, seq) WHERE standing = 'wanted';
CREATE INDEX entry_withdrawn ON entry (server, path) WHERE standing = 'withdrawn';
CREATE INDEX entry_conflict ON entry (server, path) WHERE standing = 'conflict';
CREATE INDEX entry_failing ON entry (path, server) WHERE error IS NOT NULL;
CREATE TABLE copy (
  path       text COLLATE "C" PRIMARY KEY,
  server     text NOT NULL,
  seq        bigint NOT NULL,
  generation text,
  published  text NOT NULL,
  mtime      text NOT NULL,
  size       bigint NOT NULL,
  mode       bigint,
  digest     text,
  arrived    double precision NOT NULL,
  announced  bigint NOT NULL
);
CREATE INDEX copy_contents ON copy (digest) WHERE size >= 65536;
CREATE INDEX copy_unannounced ON copy (path) WHERE announced = 0;
CREATE TABLE generation (
  generation text PRIMARY KEY,
  parent     text NOT NULL,
  up_to      bigint NOT NULL,
  carried    bigint NOT NULL
);
CREATE TABLE superseded (
  server text NOT NULL,
  path   text COLLATE "C" NOT NULL,
  number bigint NOT NULL,
  op     text NOT NULL,
  mtime  text NOT NULL,
  size   bigint NOT NULL,
  digest text,
  PRIMARY KEY (server, path, number)
);
CREATE TABLE withdrawal (
  path       text COLLATE "C" PRIMARY KEY,
  server     text NOT NULL,
  seq        bigint NOT NULL,
  generation text,
  published  text NOT NULL,
  mtime      text NOT NULL,
  kept       bigint NOT NULL,
  at         double precision NOT NULL
);
CREATE INDEX withdrawal_kept ON withdrawal (path) WHERE kept = 1;
CREATE INDEX withdrawal_age ON withdrawal (at);
CREATE TABLE resolution (
  path   text COLLATE "C" PRIMARY KEY,
  server text NOT NULL
);
-- Files that a node has found damaged, until the leader has them fetched again.
CREATE TABLE refetch (
  path text COLLATE "C" PRIMARY KEY
);
CREATE TABLE refusal (
  server     text NOT NULL,
  number     bigint NOT NULL,
  generation text,
  line       bigint NOT NULL,
  path       text,
  reason     text NOT NULL,
  PRIMARY KEY (server, number)
);
CREATE TABLE passed_over (
  server text NOT NULL,
  path   text COLLATE "C" NOT NULL,
  kind   text NOT NULL,
  PRIMARY KEY (server, path)
);
`,
];

/** Version of the schema. */
export const schemaVersion: number = steps.length;

/** PostgreSQL's words for two nodes that make the same thing at once. */
const madeMeanwhile = new Set(["23505", "42P06", "42P07", "40001"]);

/** Encodings of a database in which every name can be kept. */
const encodings = ["UTF8", "SQL_ASCII"];

/** Nodes that come first may be in the way so often: with the schema, a table and its row. */
const attempts = 10;

/**
 * Brings the tables to this relais's version; several nodes may do so at once.
 *
 * @throws {LocalError} If a newer relais has made them, or the role may not make them.
 */
export async function migrate(
  database: Database,
  version = schemaVersion,
): Promise<void> {
  await unlessMadeMeanwhile(() =>
    database.transaction((session) => migrateIn(session, database, version))
  );
}

/** Makes something, again if another node has made it at the same time. */
async function unlessMadeMeanwhile(
  make: () => Promise<unknown>,
): Promise<void> {
  for (let attempt = 1;; attempt++) {
    try {
      await make();
      return;
    } catch (error) {
      const { code } = (error as Error).cause as { code?: string } ?? {};
      const isLast = attempt === attempts;
      if (isLast || !madeMeanwhile.has(code ?? "")) throw error;
    }
  }
}

/**
 * Makes sure that this relais knows the tables.
 *
 * @throws {LocalError} If a newer one has made them.
 */
export function assertKnown(
  made: number,
  { name, address }: Pick<DatabaseConfig, "name" | "address">,
  known = schemaVersion,
): void {
  if (made <= known) return;
  throw new LocalError(
    `Cannot use the tables of "${name}" in the database ${
      addressText(address)
    }: a newer relais made them (version ${made}, this one knows ${known})`,
    { hint: "install the same version of relais on all nodes" },
  );
}

/**
 * Makes the index that claims in `order` need. It stays: nodes whose configuration was
 * not changed yet would remove it again and again.
 *
 * @throws {LocalError} If that takes longer than the database may take to answer.
 */
export async function keepIndexOf(
  database: Database,
  order: CopyOrder,
): Promise<void> {
  if (order === "oldest") return;
  const [there] = await database.query(
    "SELECT 1 FROM pg_indexes WHERE schemaname = $1 AND indexname = 'entry_smallest'",
    [database.config.name],
  );
  // To make an index that is there would still wait for those who write.
  if (there !== undefined) return;
  // What a node waits for no longer goes on nevertheless: sooner or later it is there.
  await unlessMadeMeanwhile(() =>
    database.query(
      `SET statement_timeout = 0;
       CREATE INDEX IF NOT EXISTS entry_smallest ON entry (server, size, seq)
       WHERE standing = 'wanted';
       RESET statement_timeout`,
    )
  );
}

/**
 * Makes sure that the tables are looked for in the schema of the cluster.
 *
 * @throws {LocalError} If something between drops what a connection begins with.
 */
export async function assertReached(
  query: Query,
  { name, address }: Pick<DatabaseConfig, "name" | "address">,
): Promise<void> {
  const [row] = await query<{ path: string }>(
    "SELECT current_setting('search_path') AS path",
  );
  if (row!.path === searchPathOf(name)) return;
  throw new LocalError(
    `Cannot use the database ${addressText(address)}: it looks for tables in ${
      row!.path
    }, and not in "${name}"`,
    { hint: poolerHint },
  );
}

/**
 * Makes the schema if it is missing.
 *
 * @throws {LocalError} If names cannot be kept there, or the role may make no tables.
 */
async function keepSchema(
  session: Session,
  { name, address }: DatabaseConfig,
): Promise<void> {
  const [found] = await run<{ encoding: string; isUsable: boolean | null }>(
    session,
    `SELECT current_setting('server_encoding') AS encoding, (
       SELECT has_schema_privilege(oid, 'USAGE') AND has_schema_privilege(oid, 'CREATE')
       FROM pg_namespace WHERE nspname = $1) AS "isUsable"`,
    [name],
  );
  const { encoding, isUsable } = found!;
  const fail = (what: string, hint: string) =>
    new LocalError(
      `Cannot use the database ${addressText(address)}: ${what}`,
      { hint },
    );
  const { user, database } = address;
  if (!encodings.includes(encoding)) {
    throw fail(
      `its encoding is ${encoding}, in which not every name can be kept`,
      `make another one: createdb --owner ${user} --encoding UTF8 --locale C --template template0 NAME`,
    );
  }
  if (isUsable === false) {
    throw fail(
      `the role ${user} may make no tables in the schema "${name}"`,
      `run there: ALTER SCHEMA "${name}" OWNER TO "${user}"`,
    );
  }
  if (isUsable === true) return;
  const [allowed] = await run<{ may: boolean }>(
    session,
    "SELECT has_database_privilege(current_database(), 'CREATE') AS may",
  );
  if (!allowed!.may) {
    throw fail(
      `the role ${user} may make no schema in ${database}`,
      `run there: CREATE SCHEMA "${name}" AUTHORIZATION "${user}"`,
    );
  }
  await session.unsafe(`CREATE SCHEMA "${name}"`);
}

async function migrateIn(
  session: Session,
  { config }: Database,
  version: number,
): Promise<void> {
  await assertReached((text) => run(session, text), config);
  await keepSchema(session, config);
  await session.unsafe(
    "CREATE TABLE IF NOT EXISTS version (single boolean PRIMARY KEY, version integer NOT NULL)",
  );
  await session.unsafe(
    "INSERT INTO version VALUES (true, 0) ON CONFLICT DO NOTHING",
  );
  const [row] = await run<{ version: number }>(
    session,
    "SELECT version FROM version FOR UPDATE",
  );
  const from = row!.version;
  assertKnown(from, config, version);
  for (const step of steps.slice(from, version)) await session.unsafe(step);
  await run(session, "UPDATE version SET version = $1", [version]);
}
