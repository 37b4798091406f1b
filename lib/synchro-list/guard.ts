/**
 * When to stop and ask: a server that suddenly has less than it had may have
 * lost its disk, and not its files.
 *
 * @module
 */

import { allowance, type MaxDelete } from "../config/units.ts";
import { RefusedError } from "../errors.ts";
import type { RemoteList } from "../list/remote.ts";
import type { Cursor } from "../list/cursor.ts";

const hint = 'if this is intended, run "relais --once --accept-shrink"';

/**
 * Refuses to delete more than `allowed` in one pass, or all there is.
 *
 * @param withdrawn Files to be deleted.
 * @param here Files on the replica.
 * @throws {RefusedError} If that would be too many.
 */
export function guardDeletion(
  withdrawn: number,
  here: number,
  allowed: MaxDelete,
): void {
  if (withdrawn === 0) return;
  const most = allowance(allowed, here);
  if (withdrawn >= here) {
    throw new RefusedError(
      `Refused to delete all ${here} files: the server has none of them any more`,
      { hint: `check that the file systems are mounted there; ${hint}` },
    );
  }
  if (withdrawn <= most) return;
  throw new RefusedError(
    `Refused to delete ${withdrawn} of ${here} files: replica.max_delete allows ${most}`,
    { hint },
  );
}

/**
 * Refuses a list that is no longer what was read of it, though it says so: it
 * only ever grows, and one that is made again has another generation.
 *
 * @throws {RefusedError} If it is shorter, or what was read of it has changed.
 */
export function guardList(
  server: string,
  remote: Pick<RemoteList, "recognition" | "provenance" | "size">,
  known: Cursor,
): void {
  if (remote.recognition === "shrunken") {
    throw new RefusedError(
      `Refused the list of ${server}: it shrank from ${known.offset} to ${remote.size} bytes`,
      { hint: `check that the file systems are mounted there; ${hint}` },
    );
  }
  const sameName = remote.provenance.generation === known.generation;
  if (remote.recognition === "other" && sameName) {
    throw new RefusedError(
      `Refused the list of ${server}: its line ${known.seq} has changed, and a list only grows`,
      { hint: `check whether an older list was restored there; ${hint}` },
    );
  }
}
