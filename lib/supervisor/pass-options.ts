/**
 * What a pass is given: the modules that do its work, and how it is to go.
 *
 * @module
 */

import type { Deletion } from "../config/config.ts";
import type { CopyListOperations } from "../copy-list/operations.ts";
import type { Failure } from "../errors.ts";
import type { PublishedList } from "../list/cursor.ts";
import type { Stage } from "../progress/progress.ts";
import type { Told } from "../republish/freshen.ts";
import type { SynchroListOperations } from "../synchro-list/operations.ts";
import type {
  Probed,
  TestServerOperations,
} from "../test-server/operations.ts";
import type { Channel } from "../worker/channel.ts";

/** The modules, as a pass needs them: started when first asked for. */
export interface Crew {
  testServer(): Promise<Channel<TestServerOperations>>;
  synchroList(): Promise<Channel<SynchroListOperations>>;
  copyList(): Promise<Channel<CopyListOperations>>;
}

export interface PassOptions {
  /** Changes with whatever in the configuration decides what is wanted. */
  readonly fingerprint: string;
  readonly delete: Deletion;
  /** Throws if none of the files that were copied is there any more, of which `kept` is one. */
  readonly assertCopy: (kept: string) => void;
  /** True if other replicas read from this one. */
  readonly republish: boolean;
  readonly dryRun: boolean;
  /** Bytes a pass may transfer. */
  readonly maxTransfer: number | undefined;
  /** What happened before the pass, and is told with it. */
  readonly remarks: readonly Failure[];
  /** Ends the pass in good order. */
  readonly signal: AbortSignal;
  /** Bytes that arrived from servers so far. */
  readonly received: () => bigint;
  /** Hears what the pass does from now on. */
  readonly onStage?: ((stage: Stage) => void) | undefined;
  /** Is given the new files, of one set where files come in sets; throws if they could not be announced. */
  readonly announce?: (
    paths: readonly string[],
    set?: string,
  ) => Promise<void>;
  /** True if files come in sets. @default false */
  readonly sets?: boolean;
  /** True if sets were being shown when relais ended: they are completed before anything else. @default false */
  readonly isInterrupted?: boolean;
  /** Tells other replicas that the publisher of a list lives that has nothing new; returns false if it is not shown to them yet. */
  readonly freshen?: (list: PublishedList, told: Told) => Promise<boolean>;
  /** Server to copy from, together with the node that leads and does all else; `null`: there is nothing to copy. @default this one leads, or is alone */
  readonly helpsWith?: { readonly server: string | null } | undefined;
  /** Hears that another server than before is the active one. */
  readonly onSwitch?: (probed: Probed) => Promise<void>;
}
