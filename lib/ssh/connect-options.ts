/**
 * What an attempt to connect is told besides where to, whichever transport
 * makes it.
 *
 * @module
 */

import type { Depth } from "./depth.ts";

/** Unanswered keepalives that end a connection. */
export const keepalives = 3;

export interface ConnectOptions {
  /** Gives the attempt up. A session that is open already is left alone. */
  readonly signal?: AbortSignal;
  /** Hears how many bytes have just arrived. */
  readonly onReceived?: (bytes: number) => void;
  /** Hears how far the connection got. */
  readonly onDepth?: (depth: Depth) => void;
}
