/**
 * Counting and logging what copying does.
 *
 * @module
 */

import { describe } from "../errors.ts";
import type { Context } from "../worker/life.ts";
import type { CopyListSettings, FileFetched } from "./operations.ts";
import type { Observer } from "./tools.ts";

/** What copy-list has in its hands. */
export type CopyListContext = Context<
  "copy-list",
  CopyListSettings,
  FileFetched
>;

/** Returns what counts and logs what happens to each file. */
export function observe(
  { figures, log, tell, settings: { tellsFiles } }: CopyListContext,
): Observer {
  let inPlace = { files_copied: 0, bytes_copied: 0 };
  return {
    received(bytes) {
      figures.add("received_bytes", bytes);
    },
    fetched({ path }) {
      figures.add("files_fetched", 1);
      log.debug(`fetched ${path}`);
      if (tellsFiles) tell({ fetched: path });
    },
    arrived({ size }) {
      inPlace.files_copied++;
      inPlace.bytes_copied += size;
    },
    adopted({ path, size }) {
      figures.add("files_adopted", 1);
      figures.add("bytes_adopted", size);
      log.debug(`adopted ${path}`);
    },
    retrying({ path }, error) {
      figures.add("retries", 1);
      log.info(`retrying ${path}: ${describe(error)}`);
    },
    readHere: (bytes) => figures.add("bytes_read_here", bytes),
    reused({ path, size }, bytes) {
      figures.add("bytes_reused", bytes);
      log.debug(`reused ${bytes} of the ${size} bytes of ${path}`);
    },
    notReused({ path }, error) {
      log.warning(`fetching ${path} whole: ${describe(error)}`);
    },
    failed({ error }) {
      figures.add("failures", 1);
      log.warning(error);
    },
    committed() {
      figures.together({ batches: 1, ...inPlace });
      inPlace = { files_copied: 0, bytes_copied: 0 };
    },
  };
}
