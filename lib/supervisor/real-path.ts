/**
 * Where a path leads once symbolic links are followed: Deno asks whether a
 * module may use that, and not what stands in the configuration.
 *
 * @module
 */

import { basename, dirname, join } from "@std/path/posix";

/** Returns where `directory` is, or will be made. */
export function realDirectory(directory: string): string {
  try {
    return Deno.realPathSync(directory);
  } catch {
    // Missing, or out of reach: what stands above it can still be a link.
    const above = dirname(directory);
    return above === directory ? directory : realPath(directory);
  }
}

/** Returns where the file at `path` lies; the file itself may be a link, and is not followed. */
export function realPath(path: string): string {
  return join(realDirectory(dirname(path)), basename(path));
}
