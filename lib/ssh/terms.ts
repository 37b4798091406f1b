/**
 * What a session came to: over which way, and what both sides have agreed on.
 *
 * @module
 */

export interface Terms {
  readonly transport: "ssh2" | "openssh";
  /** The hosts on the way with their ports, the server last; none if ssh took a connection that was there. */
  readonly way: readonly string[];
  /** Type and fingerprint of the server's host key; empty if unknown. */
  readonly hostKey: string;
  /** From the server to us; empty if unknown. */
  readonly cipher: string;
  /** The agreed algorithms that only `algorithms = "legacy"` offers. */
  readonly weak: readonly string[];
}
