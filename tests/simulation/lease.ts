/**
 * The lease: the right to lead a cluster. These are the rules; the statements that
 * the database runs follow them.
 *
 * All dates are those of the database's clock. A node's wall clock has no part in
 * anything here, and may be wrong by hours.
 *
 * @module
 */

/** The one row of a cluster's lease. */
export interface Lease {
  /** Number of the lease; it only grows. */
  readonly term: number;
  /** The process that leads: a node restarted is another holder. "": it was given up. */
  readonly holder: string;
  /** Time at which it runs out, in milliseconds. */
  readonly until: number;
  /** The node that led before and did not give it up, until somebody was told; "": none. */
  readonly former: string;
}

/** A request for the lease. */
export interface Candidate {
  readonly holder: string;
  readonly now: number;
  readonly leaseMs: number;
}

/**
 * Grants the lease: a holder extends its own live term, anyone else begins the next
 * term after the last one has run out. Returns `undefined` if another holds it.
 */
export function acquire(
  lease: Lease | undefined,
  { holder, now, leaseMs }: Candidate,
): Lease | undefined {
  const until = now + leaseMs;
  if (lease === undefined) return { term: 1, holder, until, former: "" };
  if (lease.until <= now) {
    const former = formerOf(lease, holder);
    return { term: lease.term + 1, holder, until, former };
  }
  return lease.holder === holder ? { ...lease, until } : undefined;
}

/** Ends a term early, so that nobody needs to wait for its end. */
export function resign(lease: Lease, term: number, now: number): Lease {
  return isHeld(lease, term, now)
    ? { ...lease, holder: "", until: now }
    : lease;
}

/** The fence: tells whether the leader of `term` may write. */
export function isHeld(
  lease: Lease | undefined,
  term: number,
  now: number,
): boolean {
  return lease !== undefined && lease.term === term && lease.until > now;
}

/** Returns the node of a holder, which is a process of it. */
export function nodeOf(holder: string): string {
  return holder.split("/")[0]!;
}

/** A node that is only started again has not been replaced by another one. */
function formerOf(lease: Lease, holder: string): string {
  const node = nodeOf(lease.holder);
  return node === "" || node === nodeOf(holder) ? lease.former : node;
}
