/**
 * Report of a pass.
 *
 * @module
 */

import type { NotFiles } from "../list/not-files.ts";

/** The outcome of one pass, as `--once --json` prints it and the state keeps it. */
export interface PassReport {
  readonly server: string | null;
  readonly generation: string | null;
  readonly seen: number;
  readonly new: number;
  readonly copied: number;
  readonly adopted: number;
  readonly bytes: number;
  readonly reused: number;
  readonly wire_bytes: number;
  readonly removed: number;
  readonly skipped: number;
  /** Things in the tree of the server that are not copied, by kind; empty where a list names the files. */
  readonly not_files: NotFiles;
  readonly refused: number;
  /** Reasons for the first of them. */
  readonly refusals: readonly string[];
  readonly failed: readonly FailedFile[];
  /** Errors that concerned more than one file, in plain words. */
  readonly errors: readonly string[];
  readonly lag_seconds: number;
  readonly seconds: number;
  readonly exit: number;
  readonly plan?: readonly PlannedAction[];
}

/** Work that a pass would do, with `--dry-run`. */
export interface PlannedAction {
  readonly action: "copy" | "remove";
  readonly path: string;
  readonly size: number;
}

/** One file that did not make it, and why. */
export interface FailedFile {
  readonly path: string;
  readonly error: string;
}
