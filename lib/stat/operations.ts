/**
 * What stat is started with, asked, and answers.
 *
 * @module
 */

import type { PassReport } from "../state/pass-report.ts";
import type { Timestamp } from "../text/timestamp.ts";
import type { Notice, NoticePolicy } from "./notices.ts";

export interface StatSettings {
  /** Directory the snapshot is written to. */
  readonly directory: string;
  readonly prometheus: string;
  /** How long passes are kept in the state, 0 for ever. */
  readonly keepMs: number;
  /** What the administrator is told of. */
  readonly notices: NoticePolicy;
  /** True to write nothing at all. */
  readonly dryRun: boolean;
  /** True if one pass follows the other. */
  readonly loop: boolean;
  /** True if the list is one that nodes share. */
  readonly isShared: boolean;
}

/** What recording a pass brought to light. */
export interface Recorded {
  /** The errors of the pass before it. */
  readonly before: readonly string[];
  /** What the administrator is to be told. */
  readonly notices: readonly Notice[];
}

export type StatOperations = {
  /** Writes the pass into the history, and the snapshot. */
  record: {
    request: {
      readonly report: PassReport;
      readonly started: Timestamp;
      /** True if it was judged for all nodes of a cluster; then only what this node has told by itself is judged here. */
      readonly isJudged: boolean;
    };
    reply: Recorded;
  };
  /** Judges that another server is the active one; returns what there is to tell of it. */
  switched: {
    request: { readonly server: string | null; readonly reason: string };
    reply: readonly Notice[];
  };
  /** Remembers that nobody heard that this state has begun, or lasts. */
  unheard: { request: { readonly condition: string }; reply: null };
  /** Writes the snapshot. */
  write: { request: null; reply: null };
};

/** Further settings of the module of the shared list. */
export interface SharedNoticeSettings {
  /** What the administrator is told of. */
  readonly notices: NoticePolicy;
}

/** The module of the shared list judges for all nodes of a cluster, and remembers it in the database. */
export type SharedNoticeOperations = {
  /** Judges whether the node that led before has given it up; asked of one that leads. */
  judgeLead: { request: null; reply: readonly Notice[] };
  /** Judges that another server is the active one. */
  judgeSwitch: {
    request: { readonly server: string | null; readonly reason: string };
    reply: readonly Notice[];
  };
  judgePass: {
    request: { readonly report: PassReport };
    reply: readonly Notice[];
  };
  /** Remembers that nobody heard that this state has begun, or lasts. */
  unheard: { request: { readonly condition: string }; reply: null };
};
