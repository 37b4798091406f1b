/**
 * Taking away what a server withdrew.
 *
 * @module
 */

import type { ReplicaConfig } from "../config/config.ts";
import type { Durability } from "../files/durability.ts";
import { describe, FileError } from "../errors.ts";
import { Pacer } from "../worker/pacer.ts";
import type { FailedFile } from "../state/pass-report.ts";
import type { Destination } from "../files/destination.ts";
import { dayOf } from "../text/timestamp.ts";
import type { Moves } from "../files/moves.ts";

/** Files that are noted, taken away and committed together. */
const batch = 2_000;

/** What was taken away, and what could not be. */
export interface Removed {
  /** Number of files that are gone. */
  removed: number;
  readonly failed: FailedFile[];
}

/** The synchronised list, as what one server withdrew stands in it. */
export interface Withdrawals {
  /** Returns the next files after `after`, by path. */
  next(
    after: string | null,
    limit: number,
  ): Promise<readonly { readonly path: string }[]>;
  /** Commits that files are gone, durably. */
  commit(paths: readonly string[]): Promise<unknown>;
}

/** What files are taken away with. */
interface Tools {
  readonly destination: Destination;
  readonly durability: Durability;
  readonly moves: Moves;
}

/**
 * Removes the files that were withdrawn, batch by batch, or moves them to the
 * trash and takes out of it what was there long enough. Directories that relais
 * made go with the last file in them.
 */
export async function removeWithdrawn(
  tools: Tools,
  withdrawals: Withdrawals,
  { delete: how, trashKeepMs }: Pick<ReplicaConfig, "delete" | "trashKeepMs">,
): Promise<Removed> {
  const { destination } = tools;
  const now = Date.now();
  if (how === "trash" && trashKeepMs > 0) {
    destination.emptyTrash(dayOf(now - trashKeepMs));
  }
  const outcome: Removed = { removed: 0, failed: [] };
  if (how === "keep") return outcome;
  const day = dayOf(now);
  const take = (path: string) =>
    how === "trash" ? destination.trash(path, day) : destination.remove(path);
  for (let after: string | null = null;;) {
    const files = await withdrawals.next(after, batch);
    if (files.length === 0) return outcome;
    const paths = files.map(({ path }) => path);
    await removeBatch(tools, paths, take, withdrawals, outcome);
    after = paths.at(-1)!;
  }
}

async function removeBatch(
  { destination, durability, moves }: Tools,
  paths: readonly string[],
  take: (path: string) => void,
  withdrawals: Withdrawals,
  outcome: Removed,
): Promise<void> {
  moves.leaving(paths);
  await durability.barrier(destination.into);
  const pacer = new Pacer();
  const removed: string[] = [];
  for (const path of paths) {
    try {
      take(path);
      removed.push(path);
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      outcome.failed.push({ path, error: describe(error) });
    }
    await pacer.pause();
  }
  destination.removeEmptied(removed);
  destination.release();
  await durability.barrier(destination.into);
  await withdrawals.commit(removed);
  moves.settled();
  outcome.removed += removed.length;
}
