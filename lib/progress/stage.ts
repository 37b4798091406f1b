/**
 * Where a pass is, for whoever watches it.
 *
 * @module
 */

import type { Backlog } from "../state/left.ts";

/** What a pass is doing. Figures that change all the time are in the stats block. */
export type Stage =
  | { readonly module: "test-server" }
  | { readonly module: "synchro-list"; readonly server: string }
  | {
    readonly module: "copy-list";
    readonly server: string;
    /** What was wanted when copying began. */
    readonly backlog: Backlog;
  };
