/**
 * Standing of an entry that a server names, compared with the replica.
 *
 * @module
 */

/** Standing of an entry; {@link ./order.ts} decides which version is newer. */
export const standings = [
  /** Its version is on the replica. */
  "here",
  /** Newer than what is on the replica: to be fetched. */
  "wanted",
  /** The version on the replica is newer. */
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

/** Standings of entries of which something is still to be done. */
export const unfinished: ReadonlySet<Standing> = new Set([
  "wanted",
  "withdrawn",
  "conflict",
]);
