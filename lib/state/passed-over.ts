/**
 * Things in the trees of servers that are not copied, because they are not files.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import { noNotFiles, type NotFile, type NotFiles } from "../list/not-files.ts";
import { transaction } from "./database.ts";
import { prepared } from "./prepared.ts";

/** Something that is not a file, with its kind. */
export interface PassedOver {
  readonly path: string;
  readonly kind: NotFile;
}

/** So many are named of each server: a tree may consist of nothing else. */
export const passedOverKept = 10_000;

/**
 * Keeps what a walk through the tree of `server` has passed over, the first of them
 * by name; returns those that were not there before.
 */
export function keepPassedOver(
  db: DatabaseSync,
  server: string,
  found: readonly PassedOver[],
  counts: NotFiles,
): PassedOver[] {
  return transaction(db, () => {
    const before = new Map(
      passedOver(db, server).map(({ path, kind }) => [path, kind]),
    );
    const fresh = found.filter(({ path, kind }) => before.get(path) !== kind);
    for (const { path } of found) before.delete(path);
    for (const path of before.keys()) {
      prepared(db, "DELETE FROM passed_over WHERE server = ? AND path = ?")
        .run(server, path);
    }
    for (const { path, kind } of fresh) {
      prepared(db, "INSERT OR REPLACE INTO passed_over VALUES (?, ?, ?)")
        .run(server, path, kind);
    }
    prepared(db, "UPDATE list SET not_files = ? WHERE server = ?")
      .run(JSON.stringify(counts), server);
    return fresh;
  });
}

/** Forgets what was passed over of a server whose tree is not walked any more. */
export function forgetPassedOver(db: DatabaseSync, server: string): void {
  prepared(db, "DELETE FROM passed_over WHERE server = ?").run(server);
}

/** Returns what was passed over of `server`, by name. */
export function passedOver(db: DatabaseSync, server: string): PassedOver[] {
  return prepared(
    db,
    "SELECT path, kind FROM passed_over WHERE server = ? ORDER BY path",
  ).all(server) as unknown as PassedOver[];
}

/** Returns the same of all servers. */
export function allPassedOver(
  db: DatabaseSync,
): (PassedOver & { readonly server: string })[] {
  return prepared(
    db,
    "SELECT server, path, kind FROM passed_over ORDER BY path, server",
  ).all() as unknown as (PassedOver & { readonly server: string })[];
}

/** Returns how much of each kind was passed over of `server`. */
export function countPassedOver(
  db: DatabaseSync,
  server: string | null,
): NotFiles {
  const row = prepared(db, "SELECT not_files FROM list WHERE server = ?")
    .get(server) as { not_files: string | null } | undefined;
  if (row === undefined || row.not_files === null) return noNotFiles;
  return { ...noNotFiles, ...JSON.parse(row.not_files) };
}
