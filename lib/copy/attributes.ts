/**
 * The date and the mode of a copy.
 *
 * @module
 */

import type { Entry } from "../list/entry.ts";
import { toMilliseconds } from "../timestamp.ts";

/** A copy never carries setuid, setgid or sticky bits, nor may everybody write it. */
const allowedMode = 0o775;

/** Mode where the server tells none; the umask takes its part. */
const defaultMode = 0o644;

/** Gives the file at `path` the date and mode of its entry. */
export function setAttributes(
  path: string,
  entry: Pick<Entry, "mtime" | "mode">,
): void {
  setDate(path, entry);
  Deno.chmodSync(path, wantedMode(entry));
}

/** Gives the file at `path` the date of its entry. Deno sets dates to the millisecond. */
export function setDate(path: string, { mtime }: Pick<Entry, "mtime">): void {
  const date = new Date(toMilliseconds(mtime));
  Deno.utimeSync(path, date, date);
}

/** The mode that the copy of an entry gets. */
export function wantedMode({ mode }: Pick<Entry, "mode">): number {
  return mode === null ? defaultMode & ~Deno.umask() : mode & allowedMode;
}
