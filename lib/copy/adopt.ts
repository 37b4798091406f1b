/**
 * Taking a file that is on the replica already for the copy it is.
 *
 * @module
 */

import { createHasher } from "../digest.ts";
import type { Wanted } from "../protocol.ts";
import { sameVersion } from "../state/standing.ts";
import { timestampFromMilliseconds } from "../timestamp.ts";
import { setAttributes } from "./attributes.ts";
import type { Destination } from "./destination.ts";

/** A file that may be here already. */
type Adoptable = Omit<Wanted, "seq" | "failedBefore">;

/**
 * Adopts what lies under the path of `entry`, if it has its size and its
 * digest, or where there is none its date: a file that came with an earlier
 * tool, or in a pass that was killed before it could commit. Its date and mode
 * become those of the entry. Returns whether it did.
 */
export async function adopt(
  destination: Destination,
  entry: Adoptable,
): Promise<boolean> {
  if (destination.isNew(entry.path)) return false;
  const there = destination.look(entry.path);
  if (!there?.isFile || there.size !== entry.size) return false;
  if (isKnownToDiffer(there, entry)) return false;
  const path = destination.absolute(entry.path);
  if (!await hasContents(path, there, entry)) return false;
  setAttributes(path, entry);
  return true;
}

/**
 * Whether the state already says that the contents are others, so that hashing
 * would be wasted. What it says holds only for the file it says it of: one that
 * was put in place just before relais was killed has another date.
 */
function isKnownToDiffer(
  { size, mtime }: Deno.FileInfo,
  { here, digest }: Adoptable,
): boolean {
  if (here === null || here.digest === null || digest === null) return false;
  const date = timestampFromMilliseconds(mtime?.getTime() ?? 0);
  const isThatFile = size === here.size &&
    sameVersion({ ...here, mtime: date }, here);
  return isThatFile && here.digest !== digest;
}

async function hasContents(
  path: string,
  { mtime }: Deno.FileInfo,
  entry: Adoptable,
): Promise<boolean> {
  if (entry.digest !== null) {
    return await digestOf(path, entry) === entry.digest;
  }
  if (mtime === null) return false;
  const date = timestampFromMilliseconds(mtime.getTime());
  return sameVersion(entry, { ...entry, mtime: date });
}

async function digestOf(path: string, { digest }: Adoptable): Promise<string> {
  const hasher = createHasher(digest);
  using file = await Deno.open(path);
  const block = new Uint8Array(1024 * 1024);
  for (let read; (read = await file.read(block)) !== null;) {
    hasher.update(block.subarray(0, read));
  }
  return hasher.digest();
}
