/**
 * What others must learn of a pass that found nothing new: that the publisher lives.
 *
 * @module
 */

import type { PublishedList } from "../list/cursor.ts";
import { ownDirectory } from "../list/path.ts";
import { noteRelays } from "./relays.ts";
import { lookAtList, name } from "./shown-list.ts";

/** What is told beside the lines of a list. */
export interface Told {
  /** When the publisher of the list last ran, in seconds since the epoch; 0: the server does not tell. */
  readonly heartbeat: number;
  /** Names of the replicas that it has come through, the nearest first. */
  readonly relays: readonly string[];
}

/**
 * Dates the list in `into`, if it has all that the server's `list` has; returns
 * whether it has.
 */
export function freshen(
  into: string,
  list: Pick<PublishedList, "generation" | "size">,
  { heartbeat, relays }: Told,
): boolean {
  const own = `${into}/${ownDirectory}`;
  const shown = lookAtList(own);
  if (shown === undefined) return false;
  const isOwn = shown.writer === relays[0];
  const isSame = shown.generation === list.generation &&
    shown.size >= list.size;
  if (!isOwn && !isSame) return false;
  date(own, heartbeat);
  noteRelays(own, relays);
  return true;
}

/** Dates the list in the directory `own`; `heartbeat` in seconds since the epoch. */
export function date(own: string, heartbeat: number): void {
  const path = `${own}/${name}`;
  const { mtime } = Deno.statSync(path);
  if (mtime?.getTime() === heartbeat * 1_000) return;
  Deno.utimeSync(path, heartbeat, heartbeat);
}
