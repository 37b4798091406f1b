/**
 * Taking away what a server withdrew.
 *
 * @module
 */

import type { ReplicaConfig } from "../config/config.ts";
import { describe, FileError } from "../errors.ts";
import type { Destination } from "../files/destination.ts";
import type { FailedFile } from "../state/pass-report.ts";
import { dayOf } from "../text/timestamp.ts";
import { Pacer } from "../worker/pacer.ts";

/** What is done with files that a server withdrew. */
export type Removal = Pick<ReplicaConfig, "delete" | "trashKeepMs">;

/** What was taken away, and what could not be. */
export interface Removed {
  /** Number of files that are gone. */
  removed: number;
  readonly failed: FailedFile[];
}

/** The same of one batch, by path. */
export interface TakenAway {
  readonly gone: readonly string[];
  readonly failed: readonly FailedFile[];
}

/** Takes out of the trash what was there long enough. */
export function emptyTrash(
  destination: Destination,
  { delete: how, trashKeepMs }: Removal,
): void {
  if (how !== "trash" || trashKeepMs === 0) return;
  destination.emptyTrash(dayOf(Date.now() - trashKeepMs));
}

/**
 * Takes files away, one by one; `take` returns false if a file is to stay. The
 * directories that relais made go with the last file in them, unless `assertHeld`
 * fails. Durable with the next barrier.
 */
export async function takeAway(
  destination: Destination,
  paths: readonly string[],
  take: (path: string) => boolean,
  assertHeld: () => void = () => {},
): Promise<TakenAway> {
  const pacer = new Pacer();
  const gone: string[] = [];
  const failed: FailedFile[] = [];
  for (const path of paths) {
    await pacer.pause();
    try {
      if (take(path)) gone.push(path);
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      failed.push({ path, error: describe(error) });
    }
  }
  assertHeld();
  destination.removeEmptied(gone);
  destination.release();
  return { gone, failed };
}
