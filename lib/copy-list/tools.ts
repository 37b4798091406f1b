/**
 * What a copy run works with, and who hears of it.
 *
 * @module
 */

import type { Durability } from "../files/durability.ts";
import type { FailedFile } from "../state/pass-report.ts";
import type { Arrived, Wanted } from "../files/wanted.ts";
import type { Obstacle, PendingSet } from "../state/sets.ts";
import type { ShownSets } from "../state/synchronised-list.ts";
import type { Space } from "../files/space.ts";
import type { Destination } from "../files/destination.ts";
import type { Fetcher } from "./fetch.ts";
import type { Moves } from "../files/moves.ts";
import type { ReuseObserver } from "./making.ts";
import type { Staging } from "../files/staging.ts";

/** The synchronised list, as far as copying needs it. */
export interface Ledger {
  /** The next wanted entries after `last`; the first ones if that is `null`. Those of one set, if `unit` names it. */
  wanted(
    last: Wanted | null,
    limit: number,
    unit?: number,
  ): Promise<readonly Wanted[]>;
  /** Commits that these files are here, to stay. */
  arrived(files: readonly Arrived[]): Promise<unknown>;
  failed(files: readonly FailedFile[]): Promise<unknown>;
  /** Fails if what is to be copied is another node's by now. Without it, nobody else copies. */
  assertHeld?(): void;
}

/** What is known of sets, and done with them. */
export interface SetTools {
  /** Whether a set waits for all that ended before it. */
  readonly isOrdered: boolean;
  /** Where what is withdrawn goes: to the trash of a day, or away. */
  readonly trash: string | undefined;
  /** The sets that have ended and are not here, in order. */
  pending(): Promise<readonly PendingSet[]>;
  /** Paths that a set withdraws; fails if that would be too much. */
  leaving(unit: number): Promise<readonly string[]>;
  /** Commits that all of some sets is here, to stay. */
  shown(shown: ShownSets): Promise<unknown>;
  hold(unit: number, obstacle: Obstacle): Promise<unknown>;
  /** Hears that a set is in place, durably, and how long a reader could see a part of it. */
  onShown(name: string, seconds: number): void;
}

/** Hears of what happens, to count and log it. */
export interface Observer extends ReuseObserver {
  /** Its bytes are here, whole. */
  fetched(entry: Wanted): void;
  /** It is in place, durably. */
  arrived(entry: Wanted): void;
  adopted(entry: Wanted): void;
  retrying(entry: Wanted, error: unknown): void;
  failed(file: FailedFile): void;
  /** So many bytes of it were here already. */
  reused(entry: Wanted, bytes: number): void;
  committed(files: number): void;
}

/** What a copy run works with. */
export interface Tools {
  /** Name of the server. */
  readonly server: string;
  readonly fetcher: Fetcher;
  /** The export directory on the server. */
  readonly root: string;
  readonly destination: Destination;
  readonly staging: Staging;
  readonly space: Space;
  readonly durability: Durability;
  readonly moves: Pick<Moves, "arriving" | "showing" | "settled">;
  readonly ledger: Ledger;
  readonly observer: Observer;
  /** Without them, each file is put in place as soon as it is here. */
  readonly sets?: SetTools | undefined;
}
