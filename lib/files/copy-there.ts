/**
 * Noticing that the copy is gone: its disk is not mounted, or was lost.
 *
 * @module
 */

import { LocalError } from "../errors.ts";
import { lookAt } from "./if-there.ts";

/**
 * Makes sure that a directory which has held copies holds anything. Whoever processes
 * files may have taken all of them away; what relais itself keeps there stays, then.
 *
 * @param kept One of the copies: where it is, nothing else is looked at.
 * @throws {LocalError} If it is empty or missing.
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
    return Deno.readDirSync(into)[Symbol.iterator]().next().done === false;
  } catch (error) {
    // What else is wrong with it is told by whoever writes there.
    return !(error instanceof Deno.errors.NotFound);
  }
}
