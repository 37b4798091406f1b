/**
 * The schema of the state, as the steps that led to it. A step that was
 * released is never changed: what it made lies on people's disks.
 *
 * Each table belongs to one module, which alone writes it: `memory` to
 * test-server (and its row `cluster` to cluster), `list`, `generation`, `entry`, `copy`, `superseded`,
 * `withdrawal`, `refusal`, `walk`, `directory`, `passed_over`, `line_set` and
 * `arrived_set` to synchro-list,
 * `pass`, `hour` and `told` to stat. `resolution` is written by
 * `relais resolve`. `tally` follows `copy` by triggers. `verification` is written by
 * `relais verify`, which is no module.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";

/** Statements that lead from each version of the schema to the next; the first makes it. */
const steps: readonly string[] = [
  `
-- What test-server remembers from one pass to the next, as JSON.
CREATE TABLE memory (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;

-- How far each server's list, or tree, has been read.
CREATE TABLE list (
  server     TEXT PRIMARY KEY,
  generation TEXT,             -- NULL: a tree
  "offset"   INTEGER NOT NULL,
  tail       BLOB NOT NULL,
  seq        INTEGER NOT NULL,
  reading    INTEGER NOT NULL, -- number of the reading from the start that is under way or was the last
  complete   INTEGER NOT NULL, -- number of the last one that reached the end
  filters    TEXT NOT NULL     -- include and exclude that the standings were judged by
) WITHOUT ROWID;

-- The synchronised list: what each server names, and how it stands to what is here.
CREATE TABLE entry (
  server    TEXT NOT NULL,
  path      TEXT NOT NULL,
  seq       INTEGER NOT NULL,
  generation TEXT,
  published TEXT NOT NULL,
  mtime     TEXT NOT NULL,
  size      INTEGER NOT NULL,
  mode      INTEGER,
  digest    TEXT,
  reading   INTEGER NOT NULL,
  standing  TEXT NOT NULL,
  error     TEXT,              -- why it could not be copied last time
  PRIMARY KEY (server, path)
) WITHOUT ROWID;
CREATE INDEX entry_wanted ON entry (server, seq) WHERE standing = 'wanted';
CREATE INDEX entry_withdrawn ON entry (server) WHERE standing = 'withdrawn';

-- What is on the replica, durably, and which entry it came from.
CREATE TABLE copy (
  path      TEXT PRIMARY KEY,
  server    TEXT NOT NULL,
  seq       INTEGER NOT NULL,
  generation TEXT,
  published TEXT NOT NULL,
  mtime     TEXT NOT NULL,
  size      INTEGER NOT NULL,
  mode      INTEGER,
  digest    TEXT,
  arrived   REAL NOT NULL,     -- seconds since the epoch
  announced INTEGER NOT NULL   -- whether hooks.on_new was told
) WITHOUT ROWID;
CREATE INDEX copy_unannounced ON copy (path) WHERE announced = 0;

-- One row a pass.
CREATE TABLE pass (
  started REAL PRIMARY KEY,    -- seconds since the epoch
  report  TEXT NOT NULL        -- JSON, as --once --json prints it
) WITHOUT ROWID;
`,
  `
-- Finds a file here by its contents; small ones are fetched as quickly.
CREATE INDEX copy_contents ON copy (digest) WHERE size >= 65536;
`,
  `
-- One row a pass, some 60 bytes for one that found nothing: there is one a minute.
ALTER TABLE pass RENAME TO report;
CREATE TABLE pass (
  started     REAL PRIMARY KEY, -- seconds since the epoch
  server      TEXT,             -- NULL: none served
  exit        INTEGER NOT NULL,
  seconds     REAL NOT NULL,
  lag         INTEGER NOT NULL, -- seconds, at its end
  seen        INTEGER NOT NULL,
  new         INTEGER NOT NULL,
  skipped     INTEGER NOT NULL,
  refused     INTEGER NOT NULL,
  copied      INTEGER NOT NULL,
  adopted     INTEGER NOT NULL,
  bytes       INTEGER NOT NULL,
  wire_bytes  INTEGER NOT NULL,
  removed     INTEGER NOT NULL,
  failed      INTEGER NOT NULL, -- files
  told        TEXT              -- JSON of the errors and of failed files; NULL if there were none
) WITHOUT ROWID;
INSERT INTO pass
SELECT started, report ->> 'server', coalesce(report ->> 'exit', 0),
  coalesce(report ->> 'seconds', 0), coalesce(report ->> 'lag_seconds', 0),
  coalesce(report ->> 'seen', 0), coalesce(report ->> 'new', 0),
  coalesce(report ->> 'skipped', 0), coalesce(report ->> 'refused', 0),
  coalesce(report ->> 'copied', 0), coalesce(report ->> 'adopted', 0),
  coalesce(report ->> 'bytes', 0), coalesce(report ->> 'wire_bytes', 0),
  coalesce(report ->> 'removed', 0), coalesce(json_array_length(report, '$.failed'), 0),
  CASE WHEN coalesce(json_array_length(report, '$.failed'), 0)
      + coalesce(json_array_length(report, '$.errors'), 0) > 0
    THEN json_object('errors', coalesce(report -> 'errors', json_array()),
      'failed', coalesce(report -> 'failed', json_array())) END
FROM report;
DROP TABLE report;

-- The passes of each hour that took their files from one server, added up.
CREATE TABLE hour (
  hour        INTEGER NOT NULL, -- its beginning, in seconds since the epoch
  server      TEXT NOT NULL,    -- '': none served
  passes      INTEGER NOT NULL,
  bad         INTEGER NOT NULL, -- passes with an exit status other than 0
  files       INTEGER NOT NULL, -- copied
  bytes       INTEGER NOT NULL, -- of these files
  wire_bytes  INTEGER NOT NULL,
  removed     INTEGER NOT NULL,
  failures    INTEGER NOT NULL, -- files that failed, each time they did
  seconds     REAL NOT NULL,    -- that the passes took
  lag         INTEGER NOT NULL, -- the longest, in seconds
  PRIMARY KEY (hour, server)
) WITHOUT ROWID;
INSERT INTO hour
SELECT CAST(started AS INTEGER) / 3600 * 3600 AS begun, coalesce(server, '') AS source,
  count(*), sum(exit <> 0), sum(copied), sum(bytes), sum(wire_bytes), sum(removed),
  sum(failed), sum(seconds), max(lag)
FROM pass GROUP BY begun, source;

-- What somebody who looks at the state must not count: there may be a million files.
CREATE TABLE tally (
  files INTEGER NOT NULL,
  bytes REAL NOT NULL           -- REAL: a server may claim sizes that no number holds together
);
INSERT INTO tally SELECT count(*), total(size) FROM copy;
CREATE TRIGGER copy_put AFTER INSERT ON copy BEGIN
  UPDATE tally SET files = files + 1, bytes = bytes + NEW.size;
END;
CREATE TRIGGER copy_gone AFTER DELETE ON copy BEGIN
  UPDATE tally SET files = files - 1, bytes = bytes - OLD.size;
END;
CREATE INDEX copy_newest ON copy (arrived);
CREATE INDEX entry_oldest ON entry (CAST(published AS REAL)) WHERE standing = 'wanted';
CREATE INDEX entry_failing ON entry (path, server) WHERE error IS NOT NULL;
`,
  `
-- When each file of the copy was last read again and held against what it should be.
CREATE TABLE verification (
  path TEXT PRIMARY KEY,
  at   REAL NOT NULL           -- seconds since the epoch; 0: never
) WITHOUT ROWID;
CREATE INDEX verification_age ON verification (at);
`,
  `
-- What the administrator was told of, and still lasts. Dates in milliseconds since the epoch.
CREATE TABLE told (
  condition TEXT PRIMARY KEY,
  began     REAL NOT NULL,
  seen      REAL NOT NULL,     -- for the last time
  told      REAL NOT NULL      -- for the last time
) WITHOUT ROWID;
`,
  `
-- Names that were not UTF-8 on the server, made readable.
ALTER TABLE list ADD COLUMN charset TEXT;  -- that names were read in; NULL: none
ALTER TABLE entry ADD COLUMN remote TEXT;  -- the path on the server, if it is another one
`,
  `
-- Lines of lists that were refused, and that no later one has replaced; some of them.
CREATE TABLE refusal (
  server     TEXT NOT NULL,
  number     INTEGER NOT NULL, -- counts those of a server
  generation TEXT,             -- NULL: a tree
  line       INTEGER NOT NULL, -- its number, or that of the last good line before it
  path       TEXT,             -- that it seems to name; NULL: none can be made out
  reason     TEXT NOT NULL,
  PRIMARY KEY (server, number)
) WITHOUT ROWID;
CREATE INDEX refusal_path ON refusal (server, path);
`,
  `
-- Which version is newer: see lib/state/order.ts.
ALTER TABLE list ADD COLUMN branch TEXT;   -- the generation as entries have it; NULL: none that tells an order
ALTER TABLE list ADD COLUMN modified REAL; -- date of the list when it was read, in seconds since the epoch
UPDATE list SET branch = nullif(generation, 'foreign');
UPDATE entry SET generation = NULL WHERE generation = 'foreign';
UPDATE copy SET generation = NULL WHERE generation = 'foreign';

-- The generations that took another one over.
CREATE TABLE generation (
  generation TEXT PRIMARY KEY,
  parent     TEXT NOT NULL,
  up_to      INTEGER NOT NULL, -- the last line of the parent that it took over
  carried    INTEGER NOT NULL  -- how many of its lines are those of the parent
) WITHOUT ROWID;

ALTER TABLE entry ADD COLUMN op TEXT NOT NULL DEFAULT '+';
ALTER TABLE entry ADD COLUMN number INTEGER NOT NULL DEFAULT 0; -- versions that the server named for the path before
ALTER TABLE entry ADD COLUMN here INTEGER; -- number of the one that is here; NULL: none
UPDATE entry SET op = '-', size = 0, mode = NULL, digest = NULL WHERE standing = 'withdrawn';

-- Versions that a server's list named before, or that were here before.
CREATE TABLE superseded (
  server TEXT NOT NULL,        -- '': here
  path   TEXT NOT NULL,
  number INTEGER NOT NULL,
  op     TEXT NOT NULL,
  mtime  TEXT NOT NULL,
  size   INTEGER NOT NULL,
  digest TEXT,
  PRIMARY KEY (server, path, number)
) WITHOUT ROWID;

-- Paths of which the newest version is that there is none.
CREATE TABLE withdrawal (
  path       TEXT PRIMARY KEY,
  server     TEXT NOT NULL,
  seq        INTEGER NOT NULL,
  generation TEXT,
  published  TEXT NOT NULL,
  mtime      TEXT NOT NULL,
  kept       INTEGER NOT NULL, -- whether a copy is still here, because replica.delete says so
  at         REAL NOT NULL     -- when the replica followed, in seconds since the epoch
) WITHOUT ROWID;
CREATE INDEX withdrawal_kept ON withdrawal (path) WHERE kept = 1;
CREATE INDEX withdrawal_age ON withdrawal (at);

-- Conflicts that an administrator has decided: whose version is the newer one.
CREATE TABLE resolution (
  path   TEXT PRIMARY KEY,
  server TEXT NOT NULL
) WITHOUT ROWID;

DROP INDEX entry_oldest;
CREATE INDEX entry_oldest ON entry (server, CAST(published AS REAL)) WHERE standing = 'wanted';
CREATE INDEX entry_conflict ON entry (server, path) WHERE standing = 'conflict';
`,
  `
-- The last walk of each server's tree that came to its end: see lib/state/walks.ts.
CREATE TABLE walk (
  server  TEXT PRIMARY KEY,
  reading INTEGER NOT NULL,    -- list.reading of that walk
  root    TEXT NOT NULL,
  at      REAL NOT NULL,       -- when it began, in seconds since the epoch
  seq     INTEGER NOT NULL     -- the highest number of an entry
) WITHOUT ROWID;
CREATE TABLE directory (
  server  TEXT NOT NULL,
  path    TEXT NOT NULL,       -- '': the root
  mtime   INTEGER NOT NULL,    -- before it was read; -1: it was not
  seen    REAL NOT NULL,       -- when this date was first seen, in seconds since the epoch
  settled INTEGER NOT NULL,    -- whether it need not be read as long as it has this date
  PRIMARY KEY (server, path)
) WITHOUT ROWID;
`,
  `
-- What lies in the trees of servers and is not copied; the first of it.
CREATE TABLE passed_over (
  server TEXT NOT NULL,
  path   TEXT NOT NULL,
  kind   TEXT NOT NULL,        -- see lib/list/not-files.ts
  PRIMARY KEY (server, path)
) WITHOUT ROWID;
ALTER TABLE list ADD COLUMN not_files TEXT; -- JSON: how many of each kind; NULL: none
`,
  `
-- Which lines of each server's list are one set: see lib/state/sets.ts.
CREATE TABLE line_set (
  server TEXT NOT NULL,
  last   INTEGER NOT NULL,     -- 9007199254740991: it has not ended
  first  INTEGER NOT NULL,
  unit   INTEGER NOT NULL,     -- last line of the sets that can only be shown together
  reach  INTEGER NOT NULL,     -- the last line that replaced one of it before that was here; 0: none
  file   TEXT,                 -- that holds the unit up; NULL: none does
  why    TEXT,                 -- the unit is not shown; NULL: nothing is known to hold it up
  PRIMARY KEY (server, last)
) WITHOUT ROWID;
CREATE INDEX line_set_unit ON line_set (server, unit);
CREATE INDEX line_set_reach ON line_set (server, reach);
CREATE INDEX line_set_held ON line_set (server) WHERE why IS NOT NULL;
ALTER TABLE list ADD COLUMN sets INTEGER; -- whether the list has sets; NULL: nobody looked

-- Sets that are here, and that no hook was told of yet.
CREATE TABLE arrived_set (
  number INTEGER PRIMARY KEY,
  name   TEXT NOT NULL,
  paths  TEXT NOT NULL         -- JSON
);
`,
];

/** Version of the schema, kept in `PRAGMA user_version`. */
export const schemaVersion = steps.length;

/** Returns the version of the schema that is in `db`; 0 if there is none. */
export function versionOf(db: DatabaseSync): number {
  const row = db.prepare("PRAGMA user_version").get() as {
    user_version: number;
  };
  return row.user_version;
}

/** Brings the schema of `db` to `version`. To be called in a transaction. */
export function migrate(db: DatabaseSync, version = schemaVersion): void {
  for (const step of steps.slice(versionOf(db), version)) db.exec(step);
  db.exec(`PRAGMA user_version = ${version}`);
}

/**
 * Hides every table of `db` behind a temporary one of the same name and the
 * same rows, with the schema of this relais: `db` itself is only read.
 */
export function shadow(db: DatabaseSync): void {
  const made = db.prepare(
    "SELECT type, name, sql FROM main.sqlite_schema WHERE sql IS NOT NULL ORDER BY type <> 'table'",
  ).all() as { type: string; name: string; sql: string }[];
  for (const { type, name, sql } of made) {
    db.exec(temporary(sql));
    if (type !== "table") continue;
    db.exec(`INSERT INTO temp.${name} SELECT * FROM main.${name}`);
  }
  for (const step of steps.slice(versionOf(db))) db.exec(temporary(step));
}

/** Turns statements that make tables, indexes and triggers into those that make temporary ones. */
function temporary(sql: string): string {
  return sql.replaceAll(/^CREATE TABLE /gm, "CREATE TEMP TABLE ")
    .replaceAll(/^CREATE TRIGGER /gm, "CREATE TEMP TRIGGER ")
    .replaceAll(/^CREATE INDEX /gm, "CREATE INDEX temp.");
}
