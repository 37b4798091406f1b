/**
 * What the state says of the replica at this moment, as figures: of the list of this
 * machine, or of the one that nodes share.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import { lagBehind, type Totals, totals } from "../state/overview.ts";
import { lagOf, readView, type SharedCounts } from "../state/shared-view.ts";
import { recall, serversInUse } from "../test-server/memory.ts";
import type { Section } from "../worker/stats-block.ts";
import type { StatSettings } from "./operations.ts";
import { type ServerState, serverStates } from "./servers.ts";

/** Whose list it is. */
type Shared = Pick<StatSettings, "isShared">;

/** Sets the gauges of what the state says, and returns what it says of the servers. */
export function setGauges(
  figures: Section<"stat">,
  db: DatabaseSync,
  shared: Shared,
): readonly ServerState[] {
  const { lag, here, bytes, failed } = counted(db, shared);
  const { active, since } = sourceOf(db, shared);
  figures.set("lag", Math.round(lag * 1_000));
  figures.set("replica_files", here);
  figures.set("replica_bytes", bytes);
  figures.set("failing", failed);
  figures.set("active_since", Math.round(since));
  return serverStates(recall(db), active);
}

/** Returns the lag, in seconds. */
export function lagNow(db: DatabaseSync, shared: Shared): number {
  return counted(db, shared).lag;
}

/** The server that files come from, and since when, in milliseconds since the epoch. */
function sourceOf(
  db: DatabaseSync,
  shared: Shared,
): { readonly active: string | null; readonly since: number } {
  const counts = sharedCounts(db, shared);
  return counts === undefined
    ? recall(db).choice
    : { active: counts.server, since: counts.since * 1_000 };
}

/** The list of this machine, or the one that it shares, as it was last seen. */
function counted(
  db: DatabaseSync,
  shared: Shared,
): Pick<Totals, "here" | "bytes" | "failed"> & { readonly lag: number } {
  const counts = sharedCounts(db, shared);
  if (counts !== undefined) {
    return { ...counts, lag: lagOf(counts, Date.now()) };
  }
  const lag = lagBehind(db, serversInUse(recall(db)), Date.now());
  return { ...totals(db, null), lag };
}

/** What nodes share, as this one last saw it; `undefined` if the list is its own, or it has seen nothing yet. */
function sharedCounts(
  db: DatabaseSync,
  { isShared }: Shared,
): SharedCounts | undefined {
  return isShared ? readView(db)?.counts : undefined;
}
