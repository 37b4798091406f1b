/**
 * How an entry that a server names stands to what is on the replica: the one
 * place that decides what is newer.
 *
 * @module
 */

import type { Version } from "../list/entry.ts";
import { compareTimestamps, type Timestamp } from "../timestamp.ts";

/** How an entry stands. */
export const standings = [
  /** Its version is on the replica. */
  "here",
  /** To be fetched. */
  "wanted",
  /** What is on the replica is newer. */
  "older",
  /** Another server gave other contents of the same date: what is here stays. */
  "conflict",
  /** The configuration does not want it. */
  "excluded",
  /** The server took it back; it may still be on the replica. */
  "withdrawn",
] as const;
export type Standing = typeof standings[number];

/** A version, and where and when it was published. */
export interface Origin extends Version {
  readonly server: string;
  /** Generation of the list; `null` for a walked tree. */
  readonly generation: string | null;
  readonly seq: number;
  readonly published: Timestamp;
}

/**
 * Judges what `offered` is worth beside `here`.
 *
 * Within one list its order decides. Between two lists of one server the date
 * of publication does. Between servers only the files' own dates can be
 * compared: a backup that lags publishes old versions late.
 */
export function judge(offered: Origin, here: Origin | undefined): Standing {
  if (here === undefined) return "wanted";
  if (sameVersion(offered, here)) return "here";
  const sameServer = offered.server === here.server;
  if (!sameServer && sameContents(offered, here)) return "here";
  const order = comparePublication(offered, here) ??
    compareDates(offered.mtime, here.mtime);
  if (order !== 0) return order > 0 ? "wanted" : "older";
  return sameServer ? "wanted" : "conflict";
}

/** Orders two versions by their publication; `undefined` where only the files' dates can tell. */
export function comparePublication(a: Origin, b: Origin): number | undefined {
  if (a.generation === null) return undefined;
  if (a.generation === b.generation) return a.seq - b.seq;
  if (a.server !== b.server) return undefined;
  return compareTimestamps(a.published, b.published);
}

/** Whether two versions have the same date and, as far as can be known, the same contents. */
export function sameVersion(a: Version, b: Version): boolean {
  return sameContents(a, b) && compareDates(a.mtime, b.mtime) === 0;
}

/** Whether the contents are the same: by digest, or where one is missing by size and date. */
function sameContents(a: Version, b: Version): boolean {
  if (a.size !== b.size) return false;
  return digestsCompare(a, b)
    ? a.digest === b.digest
    : compareDates(a.mtime, b.mtime) === 0;
}

function digestsCompare(a: Version, b: Version): boolean {
  return a.digest !== null && b.digest !== null &&
    algorithm(a.digest) === algorithm(b.digest);
}

function algorithm(digest: string): string {
  return digest.slice(0, digest.indexOf(":"));
}

/** Orders two dates, by whole seconds if one of them has no finer: SFTP gives no finer. */
function compareDates(a: Timestamp, b: Timestamp): number {
  if (a.includes(".") && b.includes(".")) return compareTimestamps(a, b);
  return wholeSeconds(a) - wholeSeconds(b);
}

function wholeSeconds(timestamp: Timestamp): number {
  return Math.floor(Number(timestamp));
}
