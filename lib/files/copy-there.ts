/**
 * Noticing that the copy is gone: its disk is not mounted, or was lost.
 *
 * @module
 */

import { LocalError } from "../errors.ts";
import { ownDirectory } from "../list/path.ts";
import { lookAt } from "./if-there.ts";

/**
 * Makes sure that a directory which has held copies holds anything.
 *
 * @param kept One of the copies: where it is, nothing else is looked at.
 * @throws {LocalError} If it is empty but for what relais itself keeps there, or missing.
 */
export function assertCopy(into: string, kept: string): void {
  if (isThere(`${into}/${kept}`) || holdsAny(into)) return;
  throw new LocalError(
    `Cannot use ${into}: none of the files that were copied is there`,
    {
      hint:
        'mount it; if the copy is lost, run "relais verify --repair", which copies all of it again',
    },
  );
}

function isThere(path: string): boolean {
  try {
    return lookAt(path) !== undefined;
  } catch {
    // Something else is in its place, or on the way to it.
    return false;
  }
}

function holdsAny(into: string): boolean {
  try {
    for (const { name } of Deno.readDirSync(into)) {
      if (name !== ownDirectory) return true;
    }
    return false;
  } catch (error) {
    // What else is wrong with it is told by whoever writes there.
    return !(error instanceof Deno.errors.NotFound);
  }
}
