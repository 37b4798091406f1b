/**
 * Comparing two versions of a file.
 *
 * @module
 */

import { compareTimestamps, type Timestamp } from "../text/timestamp.ts";
import type { Version } from "./entry.ts";

/** Tells whether two versions have the same date and, as far as can be known, the same contents. */
export function sameVersion(a: Version, b: Version): boolean {
  return sameContents(a, b) && compareDates(a.mtime, b.mtime) === 0;
}

/** Tells whether the contents are the same: by digest, or where one is missing by size and date. */
export function sameContents(a: Version, b: Version): boolean {
  if (a.size !== b.size) return false;
  return digestsCompare(a, b)
    ? a.digest === b.digest
    : compareDates(a.mtime, b.mtime) === 0;
}

/** Orders two dates, by whole seconds if one of them has no finer: SFTP gives no finer. */
export function compareDates(a: Timestamp, b: Timestamp): number {
  if (a.includes(".") && b.includes(".")) return compareTimestamps(a, b);
  return wholeSeconds(a) - wholeSeconds(b);
}

function digestsCompare(a: Version, b: Version): boolean {
  return a.digest !== null && b.digest !== null &&
    algorithm(a.digest) === algorithm(b.digest);
}

function algorithm(digest: string): string {
  return digest.slice(0, digest.indexOf(":"));
}

function wholeSeconds(timestamp: Timestamp): number {
  return Math.floor(Number(timestamp));
}
