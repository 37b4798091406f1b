/**
 * What synchro-list is started with, asked, and answers.
 *
 * @module
 */

import type {
  CopyOrder,
  LimitsConfig,
  ReplicaConfig,
  ServerConfig,
} from "../config/config.ts";
import type { Cursor } from "../list/cursor.ts";
import type { NotFiles } from "../list/not-files.ts";
import type { Arrived, CopiedFile, Wanted } from "../files/wanted.ts";
import type { Backlog, Missing } from "../state/left.ts";
import type { Obstacle, PendingSet } from "../state/sets.ts";
import type { ArrivedSet, ShownSets } from "../state/synchronised-list.ts";
import type { ShownFile } from "../state/overview.ts";
import type { FailedFile } from "../state/pass-report.ts";
import type { Reached } from "../state/reached.ts";

export interface SynchroListSettings {
  readonly servers: readonly ServerConfig[];
  readonly limits: LimitsConfig;
  readonly replica: ReplicaConfig;
  readonly order: CopyOrder;
  /** True if new files are to be announced to a hook. */
  readonly announces: boolean;
  /** True if a list that lost entries is believed, and what it lost deleted. */
  readonly acceptShrink: boolean;
  readonly dryRun: boolean;
}

export interface Synchronised {
  readonly source: "list" | "tree";
  /** `null` for a tree. */
  readonly generation: string | null;
  /** Entries read. */
  readonly seen: number;
  /** Entries among them that are wanted. */
  readonly new: number;
  /** Entries not wanted: excluded, or older than what is here. */
  readonly skipped: number;
  /** Lines that break a rule of the format, or names that may not be used. */
  readonly refused: readonly string[];
  readonly refusedCount: number;
  /** What lies in a tree and is not copied. */
  readonly notFiles: NotFiles;
  readonly wireBytes: number;
  /** Where reading will go on; `null` for a tree. */
  readonly cursor: Cursor | null;
}

export type SynchroListOperations = {
  /** Brings the synchronised list up to date with what `server` publishes. */
  synchronise: {
    request: {
      readonly server: string;
      /** True if files are taken from it, and what it withdrew is followed. */
      readonly active: boolean;
    };
    reply: Synchronised;
  };
  /** Ends at once what is being read from a server. */
  abandon: { request: null; reply: null };
  /** The next entries to fetch from `server` after `last`, in the order of `copy.order`. */
  wanted: {
    request: {
      readonly server: string;
      readonly last: Pick<Wanted, "seq" | "size"> | null;
      readonly limit: number;
      /** Of one set; see {@link PendingSet}. @default all */
      readonly unit?: number;
    };
    reply: readonly Wanted[];
  };
  /** The sets of `server` that have ended and are not here, in order. */
  sets: { request: { readonly server: string }; reply: readonly PendingSet[] };
  /** Paths that a set withdraws; refused if all that is withdrawn is too much. */
  leaving: {
    request: { readonly server: string; readonly unit: number };
    reply: readonly string[];
  };
  /** All of these sets is here now. */
  shown: {
    request: ShownSets & { readonly server: string };
    reply: null;
  };
  /** Notes what holds a set up. */
  hold: {
    request: {
      readonly server: string;
      readonly unit: number;
      readonly obstacle: Obstacle;
    };
    reply: null;
  };
  arrived: {
    request: { readonly server: string; readonly files: readonly Arrived[] };
    reply: null;
  };
  failed: {
    request: { readonly server: string; readonly files: readonly FailedFile[] };
    reply: null;
  };
  /** The next files here after `after`, by path, that `server` withdrew; the first are refused if all are too many. */
  withdrawn: {
    request: {
      readonly server: string;
      /** `null`: from the first one on. */
      readonly after: string | null;
      readonly limit: number;
    };
    reply: readonly { readonly path: string; readonly size: number }[];
  };
  removed: { request: { readonly paths: readonly string[] }; reply: null };
  /** The next files here after `after`, by path. */
  here: {
    request: { readonly after: string; readonly limit: number };
    reply: readonly CopiedFile[];
  };
  /** How far the list of `server` has been followed. */
  reached: { request: { readonly server: string }; reply: Reached };
  /** Tells whether anything here is not as `server` names it. */
  differs: { request: { readonly server: string }; reply: boolean };
  /** The next files here after `after`, by path, as they are shown to other replicas. */
  exported: {
    request: { readonly after: string; readonly limit: number };
    reply: readonly ShownFile[];
  };
  /** The next digests after `after` of large files here. */
  digests: {
    request: { readonly after: string; readonly limit: number };
    reply: readonly string[];
  };
  backlog: { request: { readonly server: string }; reply: Backlog };
  missing: { request: { readonly server: string }; reply: Missing };
  /** Files that arrived and that no hook has been told of yet. */
  unannounced: { request: null; reply: readonly string[] };
  announced: { request: { readonly paths: readonly string[] }; reply: null };
  /** The first set that arrived and that no hook has been told of yet. */
  unannouncedSet: { request: null; reply: ArrivedSet | null };
  announcedSet: { request: { readonly number: number }; reply: null };
};
