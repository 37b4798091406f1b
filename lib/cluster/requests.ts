/**
 * The requests of a node, to the database and to the shared file system. The steps of a
 * node are generators of such requests, so that they run on both as they are, and
 * on a model of both in the simulator.
 *
 * @module
 */

/** A version of a file that is wanted, or the withdrawal of one. */
export interface Wanted {
  readonly path: string;
  /** Number of its line in the list. */
  readonly seq: number;
  /** In bytes. */
  readonly size: number;
}

/** A claim as its holder knows it. */
export interface GrantedClaim {
  readonly id: number;
  readonly behind: readonly number[];
  /** True if its files are to be removed; false if they are to be copied. */
  readonly removes: boolean;
  readonly files: readonly Wanted[];
}

/** Changes that only the leader makes. */
export type Change =
  /** Nodes may claim from now on, or no longer. */
  | { readonly kind: "open" }
  | { readonly kind: "close" }
  /** Takes in the next lines of the list after `from`; refused if that is no longer its cursor, or if anything is claimed. */
  | { readonly kind: "take"; readonly from: number };

/** Answer to something that did not come: whether it was done is not known. */
export type Unanswered = undefined;

/** Everything that a node asks; each may take long, and what the database is asked may be lost. */
export interface Requests {
  /** The database: the lease, or `null` if another node holds it. */
  acquire: {
    request: { readonly holder: string };
    reply: { readonly term: number } | null | Unanswered;
  };
  /** The database: a change in a transaction that begins with the fence; false: refused. */
  fenced: {
    request: { readonly term: number; readonly change: Change };
    reply: boolean | Unanswered;
  };
  /** The database: how far the list is read, whether nodes may claim, and how many claims, and files to claim and to remove, there are. */
  survey: {
    request: unknown;
    reply:
      | {
        readonly cursor: number;
        readonly isOpen: boolean;
        readonly claims: number;
        readonly wanted: number;
        readonly withdrawn: number;
      }
      | Unanswered;
  };
  /** The database: a batch, or a claim that ran out; `null`: there is nothing to do. */
  claim: {
    request: { readonly holder: string };
    reply: GrantedClaim | null | Unanswered;
  };
  /** The database: a batch of withdrawn files, in a transaction that begins with the fence; `null`: refused, or there are none. */
  claimWithdrawn: {
    request: { readonly term: number; readonly holder: string };
    reply: GrantedClaim | null | Unanswered;
  };
  /** The database: more time for a claim; false: it ran out. */
  extend: { request: { readonly id: number }; reply: boolean | Unanswered };
  /** The database: these files are in place, or gone, to stay so; false: the claim is gone. */
  commit: {
    request: { readonly id: number; readonly paths: readonly string[] };
    reply: boolean | Unanswered;
  };
  /** The database: what is left of the claim is free again; what was tried in vain, from the next pass on. */
  release: {
    request: { readonly id: number; readonly tried: readonly string[] };
    reply: true | Unanswered;
  };
  /** Makes the directory of a claim. */
  prepare: { request: { readonly id: number }; reply: null };
  /**
   * Moves what is staged under an old claim to the directory of the new one, and
   * removes the old directory.
   */
  fence: {
    request: { readonly id: number; readonly old: number };
    reply: null;
  };
  /** Tells whether the version is under its final name already; of a withdrawal, whether nothing is. */
  isInPlace: { request: { readonly file: Wanted }; reply: boolean };
  /** Fetches and verifies a file, and goes on with what was taken over of it; false: failed, it stays wanted. */
  stage: {
    request: { readonly id: number; readonly file: Wanted };
    reply: boolean;
  };
  /** Does all that is to be done with the files of a claim, many at a time; returns what {@link Work} does. */
  work: {
    request: { readonly claim: GrantedClaim };
    reply: readonly string[] | undefined;
  };
  /** Returns when what this node has written is durable. */
  barrier: { request: unknown; reply: null };
  /** Renames a staged file to its final name; false: the claim's directory is gone. */
  place: {
    request: { readonly id: number; readonly file: Wanted };
    reply: boolean;
  };
  /** Renames a withdrawn file into the claim's directory; false: that is gone. */
  takeAway: {
    request: { readonly id: number; readonly file: Wanted };
    reply: boolean;
  };
  /** Removes the directory of a claim with all that is in it. */
  clear: { request: { readonly id: number }; reply: null };
  /** Waits. */
  sleep: { request: { readonly ms: number }; reply: null };
}

/** A request under way. */
export type Request = {
  readonly [Kind in keyof Requests]:
    & { readonly ask: Kind }
    & Requests[Kind]["request"];
}[keyof Requests];

/** Steps that end with a result. */
export type Steps<Result> = Generator<Request, Result, unknown>;

/** Asks for one thing. */
export function* ask<Kind extends keyof Requests>(
  kind: Kind,
  request: Requests[Kind]["request"],
): Steps<Requests[Kind]["reply"]> {
  const reply = yield { ...request as object, ask: kind } as Request;
  return reply as Requests[Kind]["reply"];
}
