/**
 * Lines of lists that were refused: what they name stays missing until the list
 * is read again, or a later line names it.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import type { Entry } from "../list/entry.ts";
import { prepared } from "./prepared.ts";
import type { Reading } from "./reading.ts";

/** A line that was refused, or a name in a tree. */
export interface Refusal {
  /** Its number, or that of the last good line before it; 0 in a tree. */
  readonly line: number;
  /** The path that it seems to name; `null` if none can be made out. */
  readonly path: string | null;
  /** Number of the line, and its defect. */
  readonly reason: string;
}

/** Refused lines and paths of one server. */
export interface Refused {
  readonly count: number;
  /** The first reasons. */
  readonly reasons: readonly string[];
}

/** So many are kept of each server: a list may consist of nothing else. */
export const refusalsKept = 1_000;

/** So many are told word by word. */
export const refusalsTold = 20;

/** Keeps refusals of a reading. */
export function keepRefusals(
  db: DatabaseSync,
  { server, generation }: Reading,
  refusals: readonly Refusal[],
): void {
  if (refusals.length === 0) return;
  const { last } = prepared(
    db,
    "SELECT coalesce(max(number), 0) AS last FROM refusal WHERE server = ?",
  ).get(server) as { last: number };
  const room = refusalsKept - refusedOf(db, server).count;
  for (const [index, refusal] of refusals.slice(0, room).entries()) {
    const { line, path, reason } = refusal;
    prepared(
      db,
      `INSERT INTO refusal (server, number, generation, line, path, reason)
       VALUES (:server, :number, :generation, :line, :path, :reason)`,
    ).run({ server, number: last + 1 + index, generation, line, path, reason });
  }
}

/** Forgets the refusals of a list that is read from its start. */
export function forgetRefusals(db: DatabaseSync, server: string): void {
  prepared(db, "DELETE FROM refusal WHERE server = ?").run(server);
}

/** Forgets the refusals of lines that `entries` replace: they name the same, further on. */
export function replaceRefusals(
  db: DatabaseSync,
  { server }: Reading,
  entries: readonly Pick<Entry, "path" | "seq">[],
): void {
  if (refusedOf(db, server).count === 0) return;
  const remove = prepared(
    db,
    `DELETE FROM refusal
     WHERE server = :server AND path = :path AND line < :seq`,
  );
  for (const { path, seq } of entries) remove.run({ server, path, seq });
}

/** Returns what is refused of `server`. */
export function refusedOf(db: DatabaseSync, server: string): Refused {
  const { count } = prepared(
    db,
    "SELECT count(*) AS count FROM refusal WHERE server = ?",
  ).get(server) as { count: number };
  if (count === 0) return { count, reasons: [] };
  const rows = prepared(
    db,
    "SELECT reason FROM refusal WHERE server = ? ORDER BY number LIMIT ?",
  ).all(server, refusalsTold) as { reason: string }[];
  return { count, reasons: rows.map(({ reason }) => reason) };
}
