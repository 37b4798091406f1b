/**
 * How full a disk is.
 *
 * @module
 */

import { statfsSync } from "node:fs";

/** A disk, in bytes. */
export interface Disk {
  readonly free: number;
  readonly total: number;
}

/** Returns the disk that a directory lies on; `null` if the directory is not there. */
export function diskOf(directory: string): Disk | null {
  try {
    const { bavail, blocks, bsize } = statfsSync(directory);
    return { free: bavail * bsize, total: blocks * bsize };
  } catch {
    // It is made by the first pass.
    return null;
  }
}
