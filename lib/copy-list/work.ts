/**
 * Copying what is wanted, and removing what was withdrawn: all of it by one relais, or
 * batch by batch, together with other nodes.
 *
 * @module
 */

import type { Copied } from "./operations.ts";
import type { Removed } from "./remove.ts";
import type { Tools } from "./tools.ts";

/** The outcome of copying, but for the bytes on the wire. */
export type Outcome = Omit<Copied, "wireBytes">;

/** The tools of a copy run that depend on who else copies. */
export type OwnTools = Pick<Tools, "staging" | "moves" | "ledger">;

/** Copies what a ledger wants, with these tools. */
export type Run = (tools: OwnTools) => Promise<Outcome>;

/** How copying is done. */
export interface Work {
  /** Settles what a crash left between the disk and the state; comes before all else. */
  recover(): Promise<void>;
  /** Copies all that is wanted from `server`. */
  copy(server: string, run: Run): Promise<Outcome>;
  /** Removes what was withdrawn, as files come from `server`. */
  remove(server: string): Promise<Removed>;
  /** Removes what was begun and nobody wants any more; returns how many files it was. */
  tidy(server: string): Promise<number>;
  /** Waits for nobody any more. */
  stop(): void;
}
