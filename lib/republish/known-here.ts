/**
 * What the synchronised list knows of that which is shown to other replicas.
 *
 * @module
 */

import type { ShownFile } from "../state/overview.ts";
import type { Reached } from "../state/reached.ts";
import type { SynchroListOperations } from "../synchro-list/operations.ts";
import type { Channel } from "../worker/channel.ts";

/** What the state knows of what is here. */
export interface KnownHere {
  /** How far the list of the server has been followed. */
  reached(): Promise<Reached>;
  /** Tells whether anything here is not as the server names it. */
  differs(): Promise<boolean>;
  /** The next files after `after`, by path. */
  files(after: string, limit: number): Promise<readonly ShownFile[]>;
  /** The next digests after `after` of files that may have signatures. */
  digests(after: string, limit: number): Promise<readonly string[]>;
}

/** Asks synchro-list, as files come from `server`. */
export function knownHere(
  list: Channel<SynchroListOperations>,
  server: string,
): KnownHere {
  return {
    reached: () => list.ask("reached", { server }),
    differs: () => list.ask("differs", { server }),
    files: (after, limit) => list.ask("exported", { after, limit }),
    digests: (after, limit) => list.ask("digests", { after, limit }),
  };
}
