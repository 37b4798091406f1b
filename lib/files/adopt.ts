/**
 * Taking a file that is on the replica already for the copy it is.
 *
 * @module
 */

import { closeSync, fstatSync, type Stats } from "node:fs";
import { digestOfFile } from "./file-digest.ts";
import { Pacer } from "../worker/pacer.ts";
import type { Wanted } from "./wanted.ts";
import { hasDate, setAttributes } from "./attributes.ts";
import type { Destination } from "./destination.ts";

/**
 * Adopts what lies under the path of `entry`, if it has its size and its
 * digest, or where there is none its date: a file that came with an earlier
 * tool, or in a pass that was killed before it could commit. Its date and mode
 * become those of the entry, unless another `mode` is given. Returns whether it
 * did.
 */
export async function adopt(
  destination: Destination,
  entry: Adoptable,
  mode?: number,
): Promise<boolean> {
  if (destination.isNew(entry.path)) return false;
  const opened = destination.open(entry.path);
  if (opened === undefined) return false;
  const { file, path } = opened;
  try {
    const there = fstatSync(file);
    if (there.size !== entry.size || isKnownToDiffer(there, entry)) {
      return false;
    }
    if (!await hasContents(file, there, entry)) return false;
    const { mtime } = entry;
    const { rights } = destination;
    setAttributes(path, { mtime, mode: mode ?? rights.fileMode(entry) });
    rights.handOver(path);
    return true;
  } finally {
    closeSync(file);
  }
}

/** A file that may be here already. */
type Adoptable = Omit<Wanted, "seq" | "remote" | "failedBefore" | "twin">;

/** The properties of the file in place that matter. */
type There = Pick<Stats, "size" | "mtime">;

/**
 * Tells whether the state already says that the contents are others, so that hashing
 * would be wasted. What it says holds only for the file it says it of: one that
 * was put in place just before relais was killed has another date.
 */
function isKnownToDiffer(
  { size, mtime }: There,
  { here, digest }: Adoptable,
): boolean {
  if (here === null || here.digest === null || digest === null) return false;
  const isThatFile = size === here.size && hasDate(mtime, here);
  return isThatFile && here.digest !== digest;
}

async function hasContents(
  file: number,
  { mtime }: There,
  entry: Adoptable,
): Promise<boolean> {
  if (entry.digest !== null) {
    const pacer = new Pacer();
    const digest = await digestOfFile(file, entry, () => pacer.pause());
    return digest === entry.digest;
  }
  return hasDate(mtime, entry);
}
