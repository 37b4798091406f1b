/**
 * How far an attempt to reach a server got.
 *
 * @module
 */

/** How deep a probe got, from nothing to all that matters. */
export const depths = [
  "nothing",
  "connected",
  "handshaken",
  "trusted",
  "authenticated",
  "sftp",
  "list",
] as const;

export type Depth = typeof depths[number];
