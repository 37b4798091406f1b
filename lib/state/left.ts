/**
 * Work that is left, and files that cannot be copied.
 *
 * @module
 */

import type { FailedFile } from "./pass-report.ts";
import type { Refused } from "./refusals.ts";

/** Files that no pass can copy until somebody acts. */
export interface Missing {
  /** Lines of the active server's list. */
  readonly refused: Refused;
  /** Files of any server that could not be copied last time; the first ones. */
  readonly failed: readonly FailedFile[];
}

/** Files of which nothing tells whether what a server names is newer than what is here. */
export interface Conflicts {
  readonly files: number;
  /** The first path of them. */
  readonly first: string | null;
}

/** Work that is still to be done. */
export interface Backlog {
  readonly pending: number;
  readonly bytes: number;
  /** Now minus the date of the oldest entry of a server in use that is not yet on the replica. */
  readonly lagSeconds: number;
  readonly conflicts: Conflicts;
}

/** Returns the work that earlier passes have left, for whichever server serves. */
export interface Left {
  /** One of the files that were copied and should be here; `null`: there are none. */
  readonly kept: string | null;
  /** True if there are files that no hook has been told of yet. */
  readonly unannounced: boolean;
  /** Now minus the date of the oldest entry not yet on the replica. */
  readonly lagSeconds: number;
  readonly missing: Missing;
}
