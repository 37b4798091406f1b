/**
 * Everything that the state knows about one file.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import type { Digest } from "../list/entry.ts";
import type { Timestamp } from "../text/timestamp.ts";
import { prepared } from "./prepared.ts";
import { type HeldSet, setHolding } from "./sets.ts";
import { type Standing, unfinished } from "./standing.ts";

/** A version of a file. */
export interface KnownVersion {
  readonly server: string;
  /** Time of publication, in seconds since the epoch. */
  readonly published: Timestamp;
  readonly mtime: Timestamp;
  readonly size: number;
  readonly digest: Digest | null;
}

/** A file on the replica. */
export interface CopyHere extends KnownVersion {
  /** Time of arrival, in seconds since the epoch. */
  readonly arrived: number;
  /** Time of the last verification, in seconds since the epoch; `null`: never. */
  readonly verified: number | null;
}

/** The version that a server names. */
export interface NamedVersion extends KnownVersion {
  readonly path: string;
  /** `-`: the server has withdrawn it. */
  readonly op: "+" | "-";
  /** Its path on the server, if that is another one. */
  readonly remote: string | null;
  readonly standing: Standing;
  /** Reason why the last attempt to copy it failed. */
  readonly error: string | null;
  /** The set that it is part of, if that is held up. */
  readonly held: HeldSet | null;
}

/** All versions of one path. */
export interface KnownFile {
  readonly here: CopyHere | null;
  readonly named: readonly NamedVersion[];
}

const version = "server, published, mtime, size, digest";

/** Notes that an administrator has decided a conflict: the version of `server` is the newer one. */
export function resolve(
  db: DatabaseSync,
  path: string,
  server: string,
): void {
  prepared(db, "INSERT OR REPLACE INTO resolution VALUES (:path, :server)")
    .run({ path, server });
}

/** Returns what the state knows of `path`. */
export function knownFile(db: DatabaseSync, path: string): KnownFile {
  const here = prepared(
    db,
    `SELECT ${version}, arrived, nullif(at, 0) AS verified
     FROM copy LEFT JOIN verification USING (path) WHERE path = ?`,
  ).get(path) as unknown as CopyHere | undefined;
  const named = prepared(
    db,
    `SELECT ${version}, path, op, remote, standing, error, seq FROM entry
     WHERE path = ? AND server IN (SELECT server FROM list)`,
  ).all(path) as unknown as (NamedVersion & { seq: number })[];
  return {
    here: here ?? null,
    named: named.map(({ seq, ...entry }) => ({
      ...entry,
      held: unfinished.has(entry.standing)
        ? setHolding(db, { server: entry.server, seq }) ?? null
        : null,
    })),
  };
}

/** Takes over into `db`, which holds some rows of a shared list, when `own` has verified files. */
export function takeVerifications(
  db: DatabaseSync,
  own: DatabaseSync,
  paths: readonly string[],
): void {
  const rows = prepared(
    own,
    `SELECT path, at FROM verification
     WHERE path IN (SELECT value FROM json_each(?))`,
  ).all(JSON.stringify(paths)) as { path: string; at: number }[];
  for (const { path, at } of rows) {
    prepared(db, "INSERT OR REPLACE INTO verification VALUES (?, ?)")
      .run(path, at);
  }
}

/** Returns the path below `into` of a path that may be given from the root, or from where somebody is. */
export function pathHere(
  given: string,
  { into }: { readonly into: string },
): string {
  return given.startsWith(`${into}/`)
    ? given.slice(into.length + 1)
    : given.replace(/^(?:\.\/)+/, "");
}
