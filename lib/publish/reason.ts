/**
 * The reason why a source is not published, in plain words.
 *
 * @module
 */

import { describe } from "../errors.ts";
import { BlockedError } from "../files/directories.ts";

/** The reason for a source that this account may not read. */
export const unreadable =
  "permission denied; let the account that publishes read it";

const reasons: Readonly<Record<string, string>> = {
  EACCES: unreadable,
  ENOENT: "it no longer exists",
};

/** Returns what follows `Cannot publish FILE: `. */
export function reasonOf(error: unknown): string {
  if (error instanceof BlockedError) {
    return `${error.blocked} in the export; move it away`;
  }
  const { code = "" } = error as { code?: string };
  return reasons[code] ?? describe(error);
}
