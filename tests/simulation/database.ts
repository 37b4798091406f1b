/**
 * A model of the database, as far as the protocol relies on it: statements see what
 * is committed, rows are locked until the end of a transaction, and transactions
 * that idle are ended.
 *
 * @module
 */

import {
  type Claims,
  close,
  commit,
  extend,
  type Granted,
  isQuiet,
  noClaims,
  open,
  release,
  take,
  takeOver,
  takeWithdrawn,
  untaken,
} from "./claims.ts";
import type { BatchLimits } from "../../lib/cluster/statements.ts";
import { acquire, isHeld, type Lease } from "./lease.ts";
import type {
  Change,
  GrantedClaim,
  Requests,
  Wanted,
} from "../../lib/cluster/requests.ts";
import type { Line } from "./list.ts";

/** Lines that are taken in one transaction. */
const lines = 2;

const limits: BatchLimits = { files: 2, bytes: 10 };

/** The protocol, and what can be left out of it. */
export interface DatabaseRules {
  /** A leader's transaction begins by looking for its term. */
  readonly hasFence: boolean;
  /** It locks the row that it has looked at. */
  readonly locksLease: boolean;
}

/** What a transaction of a leader does. */
export type Writing = Change | {
  /** Claims files that were withdrawn. */
  readonly kind: "claimWithdrawn";
  readonly holder: string;
};

/** What it comes to; false: refused. */
export type Written = boolean | GrantedClaim;

/** A transaction of a leader. */
export interface Transaction {
  readonly term: number;
  /** What it will have changed. */
  apply: (() => Written) | undefined;
  isOver: boolean;
}

/** What the database answers to, but for transactions. */
export type Statement = Extract<
  keyof Requests,
  "acquire" | "survey" | "claim" | "extend" | "commit" | "release"
>;

/** The database of one cluster. */
export class Database {
  lease: Lease | undefined;
  claims: Claims = noClaims;
  cursor = 0;
  /** The newest line of each path. */
  readonly entries = new Map<string, Line>();
  /** The line whose version is on the replica. */
  readonly here = new Map<string, number>();
  /** The term of the last transaction that was committed. */
  writtenIn = 0;
  /** Number of claims that were taken over. */
  takeovers = 0;
  readonly #list: readonly Line[];
  readonly #rules: DatabaseRules;
  readonly #now: () => number;
  readonly #leaseMs: number;
  readonly #released = new Set<number>();
  readonly #sharing = new Set<Transaction>();
  #writer: Transaction | undefined;
  #waiting: { isBlocked: () => boolean; run: () => void }[] = [];

  constructor(
    list: readonly Line[],
    { rules, now, leaseMs }: {
      readonly rules: DatabaseRules;
      readonly now: () => number;
      readonly leaseMs: number;
    },
  ) {
    this.#list = list;
    this.#rules = rules;
    this.#now = now;
    this.#leaseMs = leaseMs;
  }

  /** What is to be copied, in the order of the list. */
  get wanted(): Line[] {
    return this.#left(false);
  }

  /** What is to be removed. */
  get withdrawn(): Line[] {
    return this.#left(true);
  }

  #left(isRemoved: boolean): Line[] {
    return [...this.entries.values()]
      .filter((line) =>
        line.isRemoved === isRemoved && this.here.get(line.path) !== line.seq
      )
      .sort((a, b) => a.seq - b.seq);
  }

  /** Tells whether a claim is held and has not run out, or was given back. */
  isLive(id: number): boolean {
    const claim = this.claims.held.find((one) => one.id === id);
    return claim === undefined
      ? this.#released.has(id)
      : claim.until > this.#now();
  }

  /** Tells whether nobody has taken a claim over yet, or the one who did has not got beyond it. */
  isUnfenced(id: number): boolean {
    return this.claims.held.some((claim) =>
      claim.id === id || claim.behind.includes(id)
    );
  }

  /** Runs a statement as soon as no lock is in its way. */
  run<Kind extends Statement>(
    kind: Kind,
    request: Requests[Kind]["request"],
    answer: (reply: Requests[Kind]["reply"]) => void,
  ): void {
    const isBlocked = () =>
      kind === "acquire"
        ? this.#sharing.size > 0
        : kind !== "survey" && this.#writer !== undefined;
    this.#whenFree(isBlocked, () => answer(this.#statements[kind](request)));
  }

  /** Begins a transaction; answers `undefined` if the fence refuses it. */
  begin(term: number): Transaction | undefined {
    const { hasFence, locksLease } = this.#rules;
    if (hasFence && !isHeld(this.lease, term, this.#now())) return undefined;
    const transaction = { term, apply: undefined, isOver: false };
    if (hasFence && locksLease) this.#sharing.add(transaction);
    return transaction;
  }

  /** Writes in a transaction; answers false if what it would change is not to be changed now. */
  write(
    transaction: Transaction,
    change: Writing,
    answer: (isDone: boolean) => void,
  ): void {
    this.#whenFree(() => this.#writer !== undefined, () => {
      if (transaction.isOver) return answer(false);
      if (!this.#allows(change)) return answer(false);
      this.#writer = transaction;
      transaction.apply = () => this.#apply(change);
      answer(true);
    });
  }

  /** Commits; answers false if the transaction is over already. */
  commit(transaction: Transaction): Written {
    if (transaction.isOver) return false;
    const written = transaction.apply!();
    this.writtenIn = transaction.term;
    this.abort(transaction);
    return written;
  }

  /** Ends a transaction, and lets those go on who waited for it. */
  abort(transaction: Transaction): void {
    if (transaction.isOver) return;
    transaction.isOver = true;
    this.#sharing.delete(transaction);
    if (this.#writer === transaction) this.#writer = undefined;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { isBlocked, run } of waiting) this.#whenFree(isBlocked, run);
  }

  #whenFree(isBlocked: () => boolean, run: () => void): void {
    if (isBlocked()) this.#waiting.push({ isBlocked, run });
    else run();
  }

  /** A request that seemed lost may come late, in the same term. */
  #allows(change: Writing): boolean {
    if (change.kind === "open" || change.kind === "close") return true;
    if (!isQuiet(this.claims)) return false;
    return change.kind === "claimWithdrawn"
      ? untaken(this.claims, this.withdrawn).length > 0
      : change.from === this.cursor;
  }

  #apply(change: Writing): Written {
    if (change.kind === "claimWithdrawn") {
      const claimant = this.#claimant(change.holder);
      const { withdrawn } = this;
      return this.#grant(
        takeWithdrawn(this.claims, withdrawn, claimant, limits),
      )!;
    }
    if (change.kind === "open") this.claims = open(this.claims);
    else if (change.kind === "close") this.claims = close(this.claims);
    else {
      const read = this.#list.slice(change.from, change.from + lines);
      for (const line of read) this.entries.set(line.path, line);
      this.cursor = change.from + read.length;
    }
    return true;
  }

  readonly #statements: {
    [Kind in Statement]: (
      request: Requests[Kind]["request"],
    ) => Requests[Kind]["reply"];
  } = {
    acquire: ({ holder }) => {
      const lease = acquire(this.lease, this.#claimant(holder));
      if (lease === undefined) return null;
      this.lease = lease;
      return { term: lease.term };
    },
    survey: () => ({
      cursor: this.cursor,
      isOpen: this.claims.open,
      claims: this.claims.held.length,
      wanted: untaken(this.claims, this.wanted).length,
      withdrawn: this.withdrawn.length,
    }),
    claim: ({ holder }) => {
      const claimant = this.#claimant(holder);
      const taken = this.#grant(takeOver(this.claims, claimant));
      if (taken !== undefined) this.takeovers++;
      return taken ??
        this.#grant(take(this.claims, this.wanted, claimant, limits)) ?? null;
    },
    extend: ({ id }) => {
      const extended = extend(this.claims, id, this.#claimant(""));
      if (extended !== undefined) this.claims = extended;
      return extended !== undefined;
    },
    commit: ({ id, paths }) => {
      const isHeldStill = this.claims.held.some((claim) => claim.id === id);
      const { claims, committed } = commit(this.claims, id, paths);
      this.claims = claims;
      for (const { path, seq } of committed) this.here.set(path, seq);
      return isHeldStill;
    },
    release: ({ id, tried }) => {
      this.#released.add(id);
      this.claims = release(this.claims, id, tried);
      return true;
    },
  };

  #grant({ claims, claim }: Granted): Granted["claim"] {
    this.claims = claims;
    return claim;
  }

  #claimant(holder: string) {
    return { holder, now: this.#now(), leaseMs: this.#leaseMs };
  }
}

/** Returns a file as the list has it. */
export function lineOf(list: readonly Line[], { seq }: Wanted): Line {
  return list[seq - 1]!;
}
