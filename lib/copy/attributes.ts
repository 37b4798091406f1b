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

/** Gives the file at `path` the date and mode of its entry. Deno sets dates to the millisecond. */
export function setAttributes(
  path: string,
  { mtime, mode }: Pick<Entry, "mtime" | "mode">,
): void {
  const date = new Date(toMilliseconds(mtime));
  Deno.utimeSync(path, date, date);
  Deno.chmodSync(
    path,
    mode === null ? defaultMode & ~Deno.umask() : mode & allowedMode,
  );
}
