/**
 * Logging what lasts once, and not every minute.
 *
 * @module
 */

import { isAlike } from "../text/alike.ts";
import type { Logger } from "../worker/logger.ts";

/** Logs errors; of one that the pass before had, too, only for who looks for it. */
export function logErrors(
  log: Logger,
  errors: readonly string[],
  before: readonly string[],
): void {
  for (const error of errors) {
    const isNew = !before.some((text) => isAlike(text, error));
    if (isNew) log.error(error);
    else log.debug(`still: ${error}`);
  }
}
