/**
 * The directory in an export that is the publisher's own: the list, what is
 * staged, the figures, the history.
 *
 * @module
 */

import type { PublishConfig } from "../config/config.ts";
import { ownDirectory } from "../list/path.ts";

/** Returns the publisher's own directory in its export. */
export function ownDirectoryOf({ into }: Pick<PublishConfig, "into">): string {
  return `${into}/${ownDirectory}`;
}
