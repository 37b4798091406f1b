/**
 * The paths of a tree, and which of them can be used.
 *
 * @module
 */

import { checkPath, foreignName, isForeign } from "../list/path.ts";

/** No deeper: a path has at most 4096 bytes. */
const deepest = 2_048;

/** Joins a directory and a name; the root of a tree is empty. */
export function join(directory: string, name: string): string {
  return directory === "" ? name : `${directory}/${name}`;
}

/** Why a path of a tree is refused; `undefined` if it is not. */
export function refusalOf(path: string): string | undefined {
  if (depth(path) > deepest) return "too deep";
  return isForeign(path) ? foreignName : checkPath(path);
}

function depth(path: string): number {
  return path.split("/").length;
}
