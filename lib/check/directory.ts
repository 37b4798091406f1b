/**
 * Examination of a directory: can relais write to it, and how much space is free?
 *
 * @module
 */

import { accessSync, constants } from "node:fs";
import { dirname } from "@std/path/posix";
import { formatBytes } from "../text/human.ts";
import { diskOf } from "../status/disk.ts";
import { bad, type Finding, good } from "./finding.ts";

/** Files that are named. */
const named = 3;

/**
 * Looks at a directory, or at the nearest one above it that is there; and at
 * what lies in it under names that begin with `ours`, if given.
 */
export async function examineDirectory(
  what: string,
  path: string,
  ours?: string,
): Promise<Finding> {
  const there = await nearestDirectory(path);
  const { free } = diskOf(there)!;
  if (!isAllowed(there, constants.W_OK | constants.X_OK)) {
    return bad(what, `this account cannot write to ${there}${whyNot(there)}`);
  }
  const foreign = there === path && ours !== undefined
    ? foreignFiles(path, ours)
    : [];
  if (foreign.length > 0) return bad(what, tellForeign(path, foreign));
  const made = there === path ? "" : " (will be made)";
  return good(what, `${path}${made}, ${formatBytes(free)} free`);
}

/** What earlier runs as another account have left behind. */
function foreignFiles(path: string, ours: string): string[] {
  return [...Deno.readDirSync(path)].filter(({ name, isSymlink }) =>
    name.startsWith(ours) && !isSymlink &&
    !isAllowed(`${path}/${name}`, constants.R_OK | constants.W_OK)
  ).map(({ name }) => name);
}

function tellForeign(path: string, names: readonly string[]): string {
  const first = names.slice(0, named).join(", ");
  const more = names.length > named ? ` and ${names.length - named} more` : "";
  return `this account cannot write ${first}${more} in ${path}; chown them to the account that runs relais`;
}

/** A service is confined to what its unit names. */
function whyNot(path: string): string {
  try {
    accessSync(path, constants.W_OK);
    return "";
  } catch (error) {
    return (error as { code?: string }).code === "EROFS"
      ? ': it is read-only in this unit; if it is new in the configuration, run "relais unit --install" again'
      : "";
  }
}

/** Tells whether the kernel lets this account do to `path` what the bits of `mode` say. */
export function isAllowed(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    // Denied, or gone, which is no better.
    return false;
  }
}

/** Returns a directory, or the nearest one above it that is there. */
export async function nearestDirectory(path: string): Promise<string> {
  let there = path;
  while (!await isDirectory(there) && there !== "/") there = dirname(there);
  return there;
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch {
    // Missing, or out of reach: the one above it is looked at.
    return false;
  }
}
