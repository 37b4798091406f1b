/**
 * Settings, requests and replies of publish.
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
  /** Ignores `max_withdraw` in this run. */
  readonly acceptShrink: boolean;
  /** Reads the export again, and publishes again what differs from the list. */
  readonly verify: boolean;
  /** The only sources, or directories of them, to look at: paths below the base. @default all */
  readonly only?: readonly string[] | undefined;
}

/** Result of one run of publish. */
export interface PublishReport {
  readonly scanned: number;
  readonly published: number;
  readonly withdrawn: number;
  readonly unchanged: number;
  /** Number of sources that are not regular files, by kind. */
  readonly not_files: NotFiles;
  readonly bytes: number;
  readonly failed: readonly FailedFile[];
  readonly generation: string;
  readonly seconds: number;
}

export type PublishOperations = {
  publish: { request: PublishRequest; reply: PublishReport };
  /** Ends the run under way in good order: what is copied is listed, and no other file is looked at. */
  stop: { request: null; reply: null };
};
