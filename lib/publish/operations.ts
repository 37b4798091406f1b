/**
 * What publish is started with, asked, and answers.
 *
 * @module
 */

import type { PublishConfig } from "../config/config.ts";
import type { NotFiles } from "../list/not-files.ts";
import type { FailedFile } from "../state/pass-report.ts";

export interface PublishSettings {
  readonly publish: PublishConfig;
}

export interface PublishRequest {
  /** Whether `max_withdraw` does not hold this time. */
  readonly acceptShrink: boolean;
  /** Whether the export is read again, and what is not as the list says published again. */
  readonly verify: boolean;
  /** The only sources, or directories of them, to look at: paths below the base. @default all */
  readonly only?: readonly string[] | undefined;
}

/** What one run of publish did. */
export interface PublishReport {
  readonly scanned: number;
  readonly published: number;
  readonly withdrawn: number;
  readonly unchanged: number;
  /** What lies among the sources and is not copied. */
  readonly not_files: NotFiles;
  readonly bytes: number;
  readonly failed: readonly FailedFile[];
  readonly generation: string;
  readonly seconds: number;
}

export type PublishOperations = {
  publish: { request: PublishRequest; reply: PublishReport };
};
