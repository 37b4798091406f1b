/**
 * A run of a publisher in one sentence.
 *
 * @module
 */

import { tellNotFiles } from "../list/not-files.ts";
import { formatBytes, formatCount, formatSeconds } from "../text/human.ts";
import type { PublishReport } from "./operations.ts";

/** Returns what `relais publish --once` prints. */
export function summariseRun(
  { published, withdrawn, unchanged, not_files, bytes, seconds }: PublishReport,
): string {
  const what = [
    `${formatCount(published, "file")} published (${formatBytes(bytes)})`,
    ...[`${withdrawn} withdrawn`, `${unchanged} unchanged`],
    tellNotFiles(not_files),
  ].filter((text) => text !== "");
  return `${what.join(", ")}, in ${formatSeconds(seconds)}.`;
}
