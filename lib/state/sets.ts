/**
 * Which lines of a list are one set, and which sets can only be shown together.
 *
 * A set ends where its line says so. Until then its lines are open, and nobody
 * wants them. A list without such lines, and a tree, are read as if there were one
 * after each reading.
 *
 * Sets that share a file become one unit: the file that the earlier one named can no
 * longer be had when a later one has replaced it before it was here. So each set
 * remembers how far the lines reach that replaced one of its own; the set that holds
 * them takes it in.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import type { ReplicaConfig } from "../config/config.ts";
import { prepared } from "./prepared.ts";

/** So many parts of a unit are named; of more, the first and the last line. */
const mostNamed = 16;

/** Stands for the end of the set that is open. */
const open = Number.MAX_SAFE_INTEGER;

/** Sets that can only be shown together, of which something is not here yet. */
export interface PendingSet {
  /** The last line of them. */
  readonly unit: number;
  /** As hooks and people are told it: the generation, and the lines. */
  readonly name: string;
  /** Files to fetch, and their bytes. */
  readonly files: number;
  readonly bytes: number;
  /** Files of them that could not be copied last time. */
  readonly failing: number;
  /** Files to take away. */
  readonly leaving: number;
  /** What holds it up whatever a server gives: a conflict, or a line that was refused. */
  readonly obstacle: Obstacle | null;
}

/** What holds a set up. */
export interface Obstacle {
  /** The file, if it is one. */
  readonly path: string | null;
  readonly error: string;
}

/** A set that is not shown, and why. */
export interface HeldSet extends Obstacle {
  readonly set: string;
}

/** The line of an entry among those of its list; what another generation said, or no line, comes first of all. */
const line = `CASE WHEN entry.generation IS (
  SELECT branch FROM list WHERE list.server = entry.server) THEN entry.seq ELSE 0 END`;

/** The end of the set that holds a line. */
const endOf = (seq: string) =>
  `(SELECT last FROM line_set AS s WHERE s.server = :server AND s.last >= ${seq}
    ORDER BY s.last LIMIT 1)`;

/** What is left to do, by the line that says so. */
const pending = `
  WITH pending AS (
    SELECT seq, size, path, standing, error FROM entry
    WHERE server = :server AND standing = 'wanted'
    UNION ALL
    SELECT ${line}, 0, path, standing, NULL FROM entry
    WHERE server = :server AND standing = 'withdrawn'
    UNION ALL
    SELECT ${line}, 0, path, standing, NULL FROM entry
    WHERE server = :server AND standing = 'conflict')`;

const pendingSets = `${pending}
  SELECT unit, sum(standing = 'wanted') AS files, total(size) AS bytes,
    sum(error IS NOT NULL) AS failing, sum(standing = 'withdrawn') AS leaving,
    min(CASE WHEN standing = 'conflict' THEN path END) AS conflict
  FROM pending CROSS JOIN line_set
  WHERE line_set.server = :server AND last = ${
  endOf("pending.seq")
} AND unit < ${open}
  GROUP BY unit ORDER BY unit`;

/** The sets of servers' lists. */
export class Sets {
  readonly #db: DatabaseSync;
  readonly #mode: ReplicaConfig["sets"];

  constructor(db: DatabaseSync, mode: ReplicaConfig["sets"]) {
    this.#db = db;
    this.#mode = mode;
  }

  /** Whether sets are looked at. Where not, nothing of all this costs anything. */
  get matter(): boolean {
    return this.#mode !== false;
  }

  /** Begins with a list that is read from its start. To be called in the transaction that begins the reading. */
  begin(server: string): void {
    if (!this.matter) return;
    this.#run("DELETE FROM line_set WHERE server = :server", { server });
    this.#openNext(server, { first: 0, reach: 0 });
  }

  /** Takes over the sets of the same list on another server. */
  takeOver(server: string, from: string): void {
    if (!this.matter) return;
    this.#run("DELETE FROM line_set WHERE server = :server", { server });
    this.#run(
      `INSERT INTO line_set (server, last, first, unit, reach)
       SELECT :server, last, first, unit, reach FROM line_set
       WHERE server = :from`,
      { server, from },
    );
    this.#run(
      `UPDATE list SET sets = (SELECT sets FROM list WHERE server = :from)
       WHERE server = :server`,
      { server, from },
    );
  }

  /** Notes that a line was replaced by a later one before what it names was here. */
  replaced(server: string, { seq, by }: { seq: number; by: number }): void {
    if (!this.matter) return;
    this.#run(
      `UPDATE line_set SET reach = max(reach, :by)
       WHERE server = :server AND last = ${endOf(":seq")}`,
      { server, seq, by },
    );
  }

  /** Ends the set that is open, as the list says: with the line `last`; 0: none has ended, but lines wait. */
  end(server: string, last: number): void {
    this.#run("UPDATE list SET sets = 1 WHERE server = :server", { server });
    this.#end(server, last);
  }

  /** Ends the set that is open, if the list never does, or there is none. */
  endReading(server: string): void {
    if (
      !this.matter || this.#get<{ sets: number | null }>(
          "SELECT sets FROM list WHERE server = :server",
          { server },
        )?.sets === 1
    ) return;
    const { last } = this.#get<{ last: number | null }>(
      `${pending} SELECT max(seq) AS last FROM pending`,
      { server },
    )!;
    this.#end(server, last ?? 0);
  }

  /** The sets that have ended and are not here, in the order in which they ended. */
  pending(server: string): PendingSet[] {
    const rows = this.#all<
      & Omit<PendingSet, "name" | "obstacle">
      & { conflict: string | null }
    >(pendingSets, { server });
    return rows.map(({ conflict, ...row }) => ({
      ...row,
      name: this.name(server, row.unit),
      obstacle: conflict === null ? this.#refusedIn(server, row.unit) : {
        path: conflict,
        error: `no rule decides which version of ${conflict} is newer`,
      },
    }));
  }

  /** Paths that a set withdraws and that are still here. */
  leaving(server: string, unit: number): string[] {
    return this.#all<{ path: string }>(
      `SELECT path FROM entry
       WHERE server = :server AND standing = 'withdrawn' AND :unit = (
         SELECT unit FROM line_set
         WHERE server = :server AND last = ${endOf(`(${line})`)})
       ORDER BY path`,
      { server, unit },
    ).map(({ path }) => path);
  }

  /** Paths of all files of a set that are here. */
  here(server: string, unit: number): string[] {
    return this.#all<{ path: string }>(
      `SELECT path FROM line_set AS part CROSS JOIN entry
       WHERE part.server = :server AND part.unit = :unit
         AND entry.server = :server AND entry.seq BETWEEN part.first AND part.last
         AND entry.standing = 'here'
       ORDER BY path`,
      { server, unit },
    ).map(({ path }) => path);
  }

  /** Notes what holds a set up; `null`: nothing does any more. */
  hold(server: string, unit: number, obstacle: Obstacle | null): void {
    this.#run(
      `UPDATE line_set SET file = :path, why = :error
       WHERE server = :server AND last = :unit`,
      {
        server,
        unit,
        path: obstacle?.path ?? null,
        error: obstacle?.error ?? null,
      },
    );
  }

  /** Names a set: the generation of its list, or `-` if it has none, and its lines. */
  name(server: string, unit: number): string {
    return nameOfSet(this.#db, server, unit);
  }

  #end(server: string, last: number): void {
    const next = this.#get<{ first: number; reach: number }>(
      "SELECT first, reach FROM line_set WHERE server = :server AND last = :open",
      { server, open },
    ) ?? { first: this.#afterAll(server), reach: 0 };
    const { first, reach } = next;
    if (last < first) return;
    this.#run("DELETE FROM line_set WHERE server = :server AND last = :open", {
      server,
      open,
    });
    this.#put(server, { first, last, unit: last, reach });
    this.#unite(server, { first, last });
    // Lines that come after the end of the set may have been read before it was.
    this.#openNext(server, {
      first: last + 1,
      reach: reach > last ? reach : 0,
    });
  }

  /** Makes one unit of a set and of all that it has replaced lines of. */
  #unite(
    server: string,
    { first, last }: { first: number; last: number },
  ): void {
    const reaching = `SELECT unit FROM line_set
      WHERE server = :server AND reach >= :first`;
    const which = this.#mode === "ordered"
      // What lies between has to wait as well.
      ? `last >= (SELECT min(last) FROM line_set
           WHERE server = :server AND unit IN (${reaching})) AND last < ${open}`
      : `unit IN (${reaching})`;
    this.#run(
      `UPDATE line_set SET unit = :last, file = NULL, why = NULL
       WHERE server = :server AND ${which}`,
      { server, first, last },
    );
  }

  #openNext(
    server: string,
    { first, reach }: { first: number; reach: number },
  ): void {
    this.#put(server, { first, last: open, unit: open, reach });
  }

  #put(
    server: string,
    row: { first: number; last: number; unit: number; reach: number },
  ): void {
    this.#run(
      `INSERT OR REPLACE INTO line_set (server, last, first, unit, reach)
       VALUES (:server, :last, :first, :unit, :reach)`,
      { server, ...row },
    );
  }

  /** Number of the first line in no set, where none is open: sets were not looked at so far. */
  #afterAll(server: string): number {
    const { next } = this.#get<{ next: number | null }>(
      "SELECT max(last) + 1 AS next FROM line_set WHERE server = :server",
      { server },
    )!;
    return next ?? 0;
  }

  /** A refused line among those of a set. */
  #refusedIn(server: string, unit: number): Obstacle | null {
    const row = this.#get<{ path: string | null; reason: string }>(
      // It is told by the good line before it, to whose set it need not belong.
      `SELECT refusal.path, refusal.reason FROM refusal CROSS JOIN line_set AS part
       WHERE refusal.server = :server AND part.server = :server
         AND (SELECT sets FROM list WHERE list.server = :server) = 1
         AND part.unit = :unit AND line + 1 BETWEEN part.first AND part.last
       LIMIT 1`,
      { server, unit },
    );
    if (row === undefined) return null;
    return {
      path: row.path,
      error: `a line of the list is refused: ${row.reason}`,
    };
  }

  #run(sql: string, values: Values): void {
    prepared(this.#db, sql).run(values);
  }

  #get<Result>(sql: string, values: Values): Result | undefined {
    return prepared(this.#db, sql).get(values) as Result | undefined;
  }

  #all<Result>(sql: string, values: Values): Result[] {
    return prepared(this.#db, sql).all(values) as Result[];
  }
}

type Values = Record<string, string | number | null>;

/** Says what holds a set up, and names the file, if it is one. */
export function tellObstacle({ path, error }: Obstacle): string {
  return path === null || error.includes(path) ? error : `${path}: ${error}`;
}

/** Returns the sets of `server` that are not shown, and why; the first ones. */
export function heldSets(
  db: DatabaseSync,
  server: string,
  limit: number,
): HeldSet[] {
  const rows = prepared(
    db,
    `SELECT unit, file AS path, why AS error FROM line_set AS held
     WHERE server = :server AND why IS NOT NULL AND EXISTS (
       SELECT 1 FROM line_set AS part CROSS JOIN entry
       WHERE part.server = :server AND part.unit = held.unit
         AND entry.server = :server AND entry.seq BETWEEN part.first AND part.last
         AND entry.standing IN ('wanted', 'withdrawn', 'conflict'))
     ORDER BY unit LIMIT :limit`,
  ).all({ server, limit }) as { unit: number; path: string; error: string }[];
  return rows.map(({ unit, path, error }) => ({
    set: nameOfSet(db, server, unit),
    path,
    error,
  }));
}

/** Returns the set that waits for others with an entry of `server`, if the one is known to be held up. */
export function setHolding(
  db: DatabaseSync,
  { server, seq }: { readonly server: string; readonly seq: number },
): HeldSet | undefined {
  const row = prepared(
    db,
    `SELECT held.unit, held.file AS path, held.why AS error FROM line_set AS part
     JOIN line_set AS held ON held.server = part.server AND held.last = part.unit
     WHERE part.server = :server AND held.why IS NOT NULL
       AND part.last = ${endOf(":seq")}`,
  ).get({ server, seq }) as
    | { unit: number; path: string | null; error: string }
    | undefined;
  if (row === undefined) return undefined;
  const { unit, path, error } = row;
  return { set: nameOfSet(db, server, unit), path, error };
}

function nameOfSet(db: DatabaseSync, server: string, unit: number): string {
  const list = prepared(db, "SELECT generation FROM list WHERE server = ?")
    .get(server) as { generation: string | null } | undefined;
  const parts = prepared(
    db,
    `SELECT first, last FROM line_set WHERE server = ? AND unit = ? ORDER BY last`,
  ).all(server, unit) as { first: number; last: number }[];
  const ranges: { first: number; last: number }[] = [];
  for (const { first, last } of parts) {
    const before = ranges.at(-1);
    if (before?.last === first - 1) before.last = last;
    else ranges.push({ first: Math.max(1, first), last });
  }
  if (ranges.length > mostNamed) {
    ranges.splice(0, Infinity, {
      first: ranges[0]!.first,
      last: ranges.at(-1)!.last,
    });
  }
  const lines = ranges.map(({ first, last }) => `${first}-${last}`).join();
  return `${list?.generation ?? "-"} ${lines}`;
}
