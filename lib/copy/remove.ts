/**
 * Taking away what a server withdrew.
 *
 * @module
 */

import type { ReplicaConfig } from "../config/config.ts";
import type { Durability } from "../durability.ts";
import { describe, FileError } from "../errors.ts";
import type { FailedFile } from "../pass-report.ts";
import type { Destination } from "./destination.ts";
import { dayOf } from "../timestamp.ts";
import type { Moves } from "./moves.ts";

/** What was taken away, and what could not be. */
export interface Removed {
  readonly removed: readonly string[];
  readonly failed: readonly FailedFile[];
}

/** What files are taken away with. */
interface Tools {
  readonly destination: Destination;
  readonly durability: Durability;
  readonly moves: Moves;
}

/**
 * Removes files, or moves them to the trash and takes out of it what was there
 * long enough; gives `commit` those that are gone, durably.
 */
export async function removeWithdrawn(
  { destination, durability, moves }: Tools,
  files: readonly { readonly path: string }[],
  { delete: how, trashKeepMs }: Pick<ReplicaConfig, "delete" | "trashKeepMs">,
  commit: (paths: readonly string[]) => Promise<unknown>,
): Promise<Removed> {
  const now = Date.now();
  if (how === "trash" && trashKeepMs > 0) {
    destination.emptyTrash(dayOf(now - trashKeepMs));
  }
  if (how === "keep" || files.length === 0) return { removed: [], failed: [] };
  moves.leaving(files.map(({ path }) => path));
  await durability.barrier(destination.into);
  const day = dayOf(now);
  const removed: string[] = [];
  const failed: FailedFile[] = [];
  for (const { path } of files) {
    try {
      if (how === "trash") destination.trash(path, day);
      else destination.remove(path);
      removed.push(path);
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      failed.push({ path, error: describe(error) });
    }
  }
  destination.release();
  await durability.barrier(destination.into);
  await commit(removed);
  moves.settled();
  return { removed, failed };
}
