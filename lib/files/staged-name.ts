/**
 * The names of files in the making: after the version that each becomes, so that a
 * transfer that was cut off continues where it stopped, from whichever server.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { Entry } from "../list/entry.ts";

/** The part of an entry that decides what a staged file holds. */
export type Contents = Pick<
  Entry,
  "path" | "size" | "mtime" | "mode" | "digest"
>;

/** The name of the staged file for a version: the same on each pass and for each server. */
export function stagedName(
  { path, size, mtime, digest }: Omit<Contents, "mode">,
): string {
  return pathPrefix(path) + hexOf([path, size, mtime, digest], 24);
}

/** Returns the prefix of the names of all staged versions of a path. */
export function pathPrefix(path: string): string {
  return hexOf([path], 16);
}

function hexOf(identity: readonly unknown[], digits: number): string {
  return createHash("sha256").update(JSON.stringify(identity)).digest("hex")
    .slice(0, digits);
}
