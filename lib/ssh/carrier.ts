/**
 * What carries the bytes of a session: a TCP connection of our own, or the ssh
 * client of the system.
 *
 * @module
 */

import type { Buffer } from "node:buffer";

export interface Carrier {
  /** Bytes that arrived. */
  readonly received: number;
  /** Bytes handed over for sending. */
  readonly sent: number;
  /** What the server said first. */
  readonly opening: Buffer;
  /** Ends it at once. */
  destroy(): void;
  /** Ends it once everything is sent, whether the server answers or not. */
  hangUp(): Promise<void>;
}
