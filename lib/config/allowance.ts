/**
 * How many files may go at a time, before somebody is asked.
 *
 * @module
 */

import type { MaxDelete } from "./config.ts";

/** Returns how many of `files` files `limit` allows to go. */
export function allowance(limit: MaxDelete, files: number): number {
  return "files" in limit ? limit.files : Math.floor(files * limit.share);
}
