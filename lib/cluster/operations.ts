/**
 * Settings and requests of the module of the shared list, besides those of
 * synchro-list on one machine.
 *
 * @module
 */

import type { Arrived, Wanted } from "../files/wanted.ts";
import type { FailedFile } from "../state/pass-report.ts";
import type { DatabaseConfig } from "./database.ts";
import type { GrantedClaim } from "./requests.ts";

/** Settings of a node. */
export interface NodeSettings {
  /** True if one pass follows the other: then there is news for those who wait. */
  readonly loop: boolean;
  readonly database: DatabaseConfig;
  /** Name of the node. */
  readonly node: string;
}

/** A claim on files to copy, with all that there is to know of them. */
export interface CopyClaim extends GrantedClaim {
  readonly removes: false;
  /** Server that the files are to come from. */
  readonly server: string;
  readonly files: readonly Wanted[];
}

/** A claim on files to remove. */
export interface RemovalClaim extends GrantedClaim {
  readonly removes: true;
  /** Server that files come from. */
  readonly server: string;
}

export type ClaimedBatch = CopyClaim | RemovalClaim;

/** How the work of all nodes stands. */
export interface Survey {
  /** Term in which this node leads; `null`: another one does, or none. */
  readonly term: number | null;
  /** Number of the pass that nodes copy for. */
  readonly pass: number;
  /** True while nodes may claim; false while the leader reads lists. */
  readonly isOpen: boolean;
  /** Server that files are copied from. */
  readonly server: string;
  /** Number of claims. */
  readonly claims: number;
  /** True if there is anything to claim. */
  readonly isAnythingFree: boolean;
}

/** The marks by which one cluster, and one life of its database, differs from another. */
export interface Identity {
  /** Made with the tables. */
  readonly token: string;
  /** Number of the last pass that nodes copied for. A term would not tell: each attempt to lead begins one. */
  readonly pass: number;
  /** True if nothing was read into the database yet. */
  readonly isNew: boolean;
}

export type NodeOperations = {
  /** Asks for the lease; returns whether this node leads. */
  lead: { request: null; reply: boolean };
  /** Leaves it to others to lead. */
  resign: { request: null; reply: null };
  identity: { request: null; reply: Identity };
  survey: { request: null; reply: Survey };
  /** Lets nodes claim nothing more; fails unless this node leads. */
  close: { request: null; reply: null };
  /**
   * Lets nodes claim again what is wanted of `server`, and what was tried in vain as
   * well, if `hasRoom`: something may no longer be in its way. Fails unless this node leads.
   */
  reopen: {
    request: { readonly server: string; readonly hasRoom: boolean };
    reply: null;
  };
  /** Asks for a batch, or a claim that ran out; `null`: there is nothing to do. */
  claim: { request: null; reply: ClaimedBatch | null };
  /** Asks for a batch to remove as files come from `server`, while nothing is claimed; `null`: there is none. Fails unless this node leads. */
  claimWithdrawn: {
    request: { readonly server: string };
    reply: RemovalClaim | null;
  };
  /** Asks for more time for a claim; false: it ran out. */
  extend: { request: { readonly id: number }; reply: boolean };
  /** Commits that files of a claim are here, to stay; false: the claim is another node's by now. */
  commit: {
    request: {
      readonly id: number;
      readonly server: string;
      readonly files: readonly Arrived[];
    };
    reply: boolean;
  };
  /** Commits that files of a claim are no longer here; false: the claim is another node's by now. */
  commitRemoved: {
    request: { readonly id: number; readonly paths: readonly string[] };
    reply: boolean;
  };
  /** Gives back what is left of a claim, and notes why files of it failed. */
  release: {
    request: {
      readonly id: number;
      readonly server: string;
      readonly failed: readonly FailedFile[];
      /** Paths that nobody is to try again until the next pass. */
      readonly tried: readonly string[];
    };
    reply: null;
  };
};

/** Tells, unasked, that there is work before the next pass of a node is due. */
export interface WorkWaits {
  readonly workWaits: true;
}
