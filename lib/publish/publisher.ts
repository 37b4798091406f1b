/**
 * Bringing an export and its list up to date with the sources, while nobody else
 * does.
 *
 * @module
 */

import type { PublishConfig } from "../config/config.ts";
import { Destination } from "../files/destination.ts";
import type { Durability } from "../files/durability.ts";
import { requireNoReplica } from "../files/keeper.ts";
import { Lock } from "../files/lock.ts";
import { ownDirectoryOf } from "../files/own-directory.ts";
import { ListMemory } from "./list-memory.ts";
import { ListWriter } from "./list-writer.ts";
import type { PublishReport, PublishRequest } from "./operations.ts";
import { type PublishObserver, Run } from "./run.ts";
import { Sources } from "./sources.ts";
import { writerOf } from "./writer-id.ts";

/** Options of one run. */
export interface PublishOptions extends PublishRequest {
  /** Path to the descriptors of this process, so that nobody can swap a directory of the sources; see {@link Directories}. */
  readonly through?: string;
  /** Memory of the list from the last run. @default nothing */
  readonly memory?: ListMemory;
  /** Ends the run in good order. */
  readonly signal?: AbortSignal;
}

/**
 * Publishes once.
 *
 * @throws {LockedError} If another relais publishes into the same export.
 * @throws {LocalError} If the export cannot be written.
 * @throws {RefusedError} If the base of the sources is missing, or more of them than
 *   `maxWithdraw` allows; what is new is published all the same.
 * @throws {StoppedError} If `signal` ended it; what was copied by then is listed.
 */
export async function publish(
  config: PublishConfig,
  durability: Durability,
  observer: PublishObserver,
  { acceptShrink, verify, only, through, memory = new ListMemory(), signal }:
    PublishOptions,
): Promise<PublishReport> {
  using sources = new Sources(config, through);
  const destination = new Destination(config.into);
  const own = ownDirectoryOf(config);
  requireNoReplica(config.into);
  using _lock = Lock.take(own);
  destination.prepare();
  // The list is for the account that readers log in with; what is staged is for nobody.
  Deno.chmodSync(own, 0o755);
  emptyStaging(destination);
  using list = await ListWriter.open(own, writerOf(config), memory);
  if (list.isNew) await durability.barrier(config.into);
  const allowed = acceptShrink ? { share: 1 } : config.maxWithdraw;
  const run = new Run({
    config: { ...config, maxWithdraw: allowed },
    how: { verify, only, signal },
    sources,
    destination,
    durability,
    observer,
    list,
  });
  const report = await run.publish();
  list.keepIn(memory);
  return report;
}

/** Removes the leftovers of a killed run. */
function emptyStaging({ staging }: Destination): void {
  for (const { name } of Deno.readDirSync(staging)) {
    Deno.removeSync(`${staging}/${name}`, { recursive: true });
  }
}
