/**
 * What copy-list is started with, asked, answers, and tells unasked.
 *
 * @module
 */

import type {
  CopyConfig,
  LimitsConfig,
  ReplicaConfig,
  ServerConfig,
} from "../config/config.ts";
import type { Failure } from "../errors.ts";
import type { FailedFile } from "../state/pass-report.ts";
import type { HeldSet } from "../state/sets.ts";

export interface CopyListSettings {
  /** True if each file is told as it arrives. */
  readonly tellsFiles: boolean;
  readonly servers: readonly ServerConfig[];
  readonly limits: LimitsConfig;
  readonly copy: CopyConfig;
  readonly replica: ReplicaConfig;
  /** Of a cluster that this node belongs to; `undefined`: it copies alone. */
  readonly leaseMs?: number;
}

export interface Copied {
  readonly copied: number;
  readonly adopted: number;
  readonly bytes: number;
  /** Bytes of what was copied that were on the replica already. */
  readonly reused: number;
  readonly wireBytes: number;
  readonly failed: readonly FailedFile[];
  /** Paths of failed files that something else is in the way of on the replica. */
  readonly blocked: readonly string[];
  /** Paths of failed files that came too slowly to be waited for: another server may have them. */
  readonly slow: readonly string[];
  /** Paths of those that were asked for with `only`, and are here now. */
  readonly got: readonly string[];
  /** Files that were taken away together with what came. */
  readonly removed: number;
  /** Names of the sets that are here, and those that could not be completed. */
  readonly shown: readonly string[];
  readonly held: readonly HeldSet[];
  /** Why copying ended before its end: the server was lost, or the disk. */
  readonly ended: Failure | null;
}

export type CopyListOperations = {
  /** Settles what a crash left between the disk and the state; comes before all else. */
  recover: { request: null; reply: null };
  /** Fetches all that is wanted from `server`, or no more than `maxTransfer` bytes. */
  copy: {
    request: {
      readonly server: string;
      readonly maxTransfer: number | undefined;
      /** Paths to leave alone: this pass has tried them already. */
      readonly without: readonly string[];
      /** The only paths to copy. @default all */
      readonly only?: readonly string[] | undefined;
    };
    reply: Copied;
  };
  /** Removes what earlier passes have begun to fetch and nobody wants any more. */
  tidy: { request: { readonly server: string }; reply: null };
  /** Ends a copy under way in good order: what is under way arrives and is committed, the rest stays staged. */
  stop: { request: null; reply: null };
  /** Ends it without waiting for the server: what is whole is committed, the rest stays staged. */
  abandon: { request: { readonly reason: string }; reply: null };
  /** Gives what is here its rights, if they were changed; returns the files for which that failed. */
  amend: { request: null; reply: readonly FailedFile[] };
  /** Shows other replicas what has come from `server`. */
  republish: {
    request: {
      readonly server: string;
      /** When the publisher of its list last ran, in seconds since the epoch; 0: it does not tell. */
      readonly heartbeat: number;
      /** Names of this replica and of those that the list has come through. */
      readonly relays: readonly string[];
    };
    reply: { readonly wireBytes: number };
  };
  /** Takes away what `server` withdrew, as `replica.delete` says. */
  remove: {
    request: { readonly server: string };
    reply: {
      /** Number of files that are gone. */
      readonly removed: number;
      readonly failed: readonly FailedFile[];
    };
  };
};

/** What copy-list tells unasked of a file that has arrived, whole. */
export interface FileFetched {
  readonly fetched: string;
}
