/**
 * Logging what lasts once, and not every minute.
 *
 * @module
 */

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

/** Tells whether two errors are of the same kind: ages, sizes and counts change while what is wrong does not. */
function isAlike(a: string, b: string): boolean {
  const withoutFigures = (text: string) => text.replaceAll(/\d+/g, "0");
  return withoutFigures(a) === withoutFigures(b);
}
