/**
 * The date and the mode of a copy.
 *
 * @module
 */

import type { Entry } from "../list/entry.ts";
import { type Timestamp, toMilliseconds } from "../text/timestamp.ts";

/** A copy never carries setuid, setgid or sticky bits, nor may everybody write it. */
const allowedMode = 0o775;

/** Mode where the server tells none. */
const defaultMode = 0o644;

/** Gives the file at `path` a date, and a mode as far as a copy may have it. */
export function setAttributes(
  path: string,
  { mtime, mode }: { readonly mtime: Timestamp; readonly mode: number },
): void {
  setDate(path, { mtime });
  Deno.chmodSync(path, mode & allowedMode);
}

/** Gives the file at `path` the date of its entry. Deno sets dates to the millisecond. */
export function setDate(path: string, { mtime }: Pick<Entry, "mtime">): void {
  const date = new Date(toMilliseconds(mtime));
  Deno.utimeSync(path, date, date);
}

/**
 * Returns whether a file with this date has the date of its entry: to the
 * millisecond, and to the second where one of the two has no finer, as SFTP and
 * some file systems have none.
 */
export function hasDate(date: Date, { mtime }: Pick<Entry, "mtime">): boolean {
  const there = date.getTime();
  const wanted = toMilliseconds(mtime);
  if (there % 1_000 !== 0 && wanted % 1_000 !== 0) return there === wanted;
  return Math.floor(there / 1_000) === Math.floor(wanted / 1_000);
}

/** The mode that the copy of an entry gets; the umask takes its part of it. */
export function wantedMode({ mode }: Pick<Entry, "mode">): number {
  return (mode ?? defaultMode) & allowedMode;
}
