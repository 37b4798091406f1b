/**
 * How long a node may rely on what the database has granted it.
 *
 * The database counts from the moment at which it grants, which a node does not
 * know; but it comes after the request was sent. So the node counts from there, by
 * its own monotonic clock, and keeps a margin, because two clocks do not run at the
 * same rate.
 *
 * @module
 */

/** Share of the lease that is left unused: clocks that drift apart by less do no harm. */
const marginShare = 0.1;

/** Share of the lease after which it is extended: two requests may be lost. */
const extensionShare = 0.3;

/** Something granted for a time: the lease, or a claim. */
export interface Grant {
  /** Time at which the request was sent, on this node's monotonic clock. */
  readonly sent: number;
  readonly leaseMs: number;
  /** @default a tenth of the lease */
  readonly marginMs?: number;
}

/** Returns the time, on this node's monotonic clock, until which a grant is relied on. */
export function trustedUntil(
  { sent, leaseMs, marginMs = leaseMs * marginShare }: Grant,
): number {
  return sent + leaseMs - marginMs;
}

/** Returns the time, on this node's monotonic clock, at which a grant is to be extended. */
export function extensionDue({ sent, leaseMs }: Grant): number {
  return sent + leaseMs * extensionShare;
}
