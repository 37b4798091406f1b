/**
 * A node of a cluster: what it holds, and how it keeps hold of it.
 *
 * @module
 */

import { ask, type Steps } from "./requests.ts";
import { extensionDue, type Grant, trustedUntil } from "./trust.ts";

/** Settings of a node, and its clock. */
export interface NodeOptions {
  /** The name of this process: a node that is started again has another one. */
  readonly holder: string;
  readonly leaseMs: number;
  /** See {@link Grant}. */
  readonly marginMs?: number;
  /** Returns the time of a clock that nobody sets, in milliseconds. */
  readonly monotonic: () => number;
}

/** A lease that the database has granted. */
interface HeldLease {
  /** The term. */
  readonly id: number;
  readonly grant: Grant;
}

/** One process of a node, with the lease and the claims that it holds. */
export class ClusterNode {
  readonly holder: string;
  readonly #options: NodeOptions;
  #lease: HeldLease | undefined;
  #restsUntil = -Infinity;
  /** Claims that it works on, by number. */
  readonly #claims = new Map<number, Grant>();

  constructor(options: NodeOptions) {
    this.#options = options;
    this.holder = options.holder;
  }

  /** Returns the term in which this node leads; `undefined` if it does not, or no longer trusts that it does. */
  get term(): number | undefined {
    const { id, grant } = this.#lease ?? {};
    return this.#isTrusted(grant) ? id : undefined;
  }

  /** A fraction of the lease, to wait. */
  get pauseMs(): number {
    return this.#options.leaseMs / 10;
  }

  /** Notes when a request is sent; what it grants counts from there. */
  sending(): Grant {
    const { monotonic, leaseMs, marginMs } = this.#options;
    const sent = monotonic();
    return { sent, leaseMs, ...marginMs === undefined ? {} : { marginMs } };
  }

  /** Begins to work on a claim. */
  hold(id: number, grant: Grant): void {
    this.#claims.set(id, grant);
  }

  /** Works on a claim no longer: from now on it is not extended. */
  drop(id: number): void {
    this.#claims.delete(id);
  }

  /** Tells whether a claim can be relied on now. */
  holds(id: number): boolean {
    return this.#isTrusted(this.#claims.get(id));
  }

  /** Asks for more time for a claim; false: it ran out. */
  *extend(id: number): Steps<boolean | undefined> {
    const grant = this.sending();
    const extended = yield* ask("extend", { id });
    // Meanwhile the work on it may have ended.
    if (extended === undefined || !this.#claims.has(id)) return extended;
    if (extended) this.hold(id, grant);
    else this.drop(id);
    return extended;
  }

  /** Leads whenever nobody else does, without end. */
  *keepLease(): Steps<never> {
    for (;;) {
      if (!this.#isResting && this.#isDue(this.#lease?.grant)) {
        yield* this.acquire();
      }
      yield* ask("sleep", { ms: this.pauseMs });
    }
  }

  /** Extends the claims that it works on, without end. */
  *keepClaims(): Steps<never> {
    for (;;) {
      for (const [id, grant] of [...this.#claims]) {
        if (this.#isDue(grant)) yield* this.extend(id);
      }
      yield* ask("sleep", { ms: this.pauseMs });
    }
  }

  /** Asks for the lease; returns the term, if this node leads. */
  *acquire(): Steps<number | undefined> {
    const grant = this.sending();
    const lease = yield* ask("acquire", { holder: this.holder });
    if (lease !== undefined) {
      this.#lease = lease === null ? undefined : { id: lease.term, grant };
    }
    return this.term;
  }

  /** Leads no longer, and leaves it to others for a lease to begin with that. */
  resign(): void {
    const { monotonic, leaseMs } = this.#options;
    this.#lease = undefined;
    this.#restsUntil = monotonic() + leaseMs;
  }

  get #isResting(): boolean {
    return this.#options.monotonic() < this.#restsUntil;
  }

  #isDue(grant: Grant | undefined): boolean {
    return grant === undefined ||
      this.#options.monotonic() >= extensionDue(grant);
  }

  #isTrusted(grant: Grant | undefined): boolean {
    return grant !== undefined &&
      this.#options.monotonic() < trustedUntil(grant);
  }
}
