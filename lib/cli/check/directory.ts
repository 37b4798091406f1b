/**
 * Whether relais can write to a directory, and how much room there is.
 *
 * @module
 */

import { accessSync, constants } from "node:fs";
import { statfs } from "node:fs/promises";
import { dirname } from "@std/path/posix";
import { formatBytes } from "../../human.ts";
import { bad, type Finding, good } from "./finding.ts";

/** Looks at a directory, or at the nearest one above it that is there. */
export async function examineDirectory(
  what: string,
  path: string,
): Promise<Finding> {
  let there = path;
  while (!await isDirectory(there) && there !== "/") there = dirname(there);
  const { bavail, bsize } = await statfs(there);
  if (!isAllowed(there, constants.W_OK | constants.X_OK)) {
    return bad(what, `${there} cannot be written by this user`);
  }
  const made = there === path ? "" : " (will be made)";
  return good(what, `${path}${made}, ${formatBytes(bavail * bsize)} free`);
}

/** Whether the kernel lets this account do to `path` what the bits of `mode` say. */
export function isAllowed(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    // Denied, or gone, which is no better.
    return false;
  }
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch {
    // Missing, or out of reach: the one above it is looked at.
    return false;
  }
}
