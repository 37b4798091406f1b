/**
 * How an entry that a server names stands to what is on the replica.
 *
 * @module
 */

/** How an entry stands; see {@link ./order.ts} for which version is newer. */
export const standings = [
  /** Its version is on the replica. */
  "here",
  /** Newer than what is on the replica: to be fetched. */
  "wanted",
  /** What is on the replica is newer. */
  "older",
  /** Nothing tells which is newer: what is on the replica stays until `relais resolve`. */
  "conflict",
  /** The configuration does not want it. */
  "excluded",
  /** The server took it back since; it is still on the replica, and will go. */
  "withdrawn",
  /** The server took it back, and the replica has followed. */
  "gone",
] as const;
export type Standing = typeof standings[number];
