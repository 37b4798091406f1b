/**
 * The digest of a file that is here.
 *
 * @module
 */

import { readSync } from "node:fs";
import { createHasher } from "./digest.ts";
import type { Digest, Version } from "../list/entry.ts";

/** Size of one read. */
const blockBytes = 1024 * 1024;

/**
 * Reads the open `file` from where it stands, as many bytes as its version
 * has, and returns their digest, of the kind that the version's is. `pace` is
 * waited for before each so many bytes are read.
 */
export async function digestOfFile(
  file: number,
  { digest, size }: Pick<Version, "digest" | "size">,
  pace: (bytes: number) => Promise<void> | void,
): Promise<Digest> {
  const hasher = createHasher(digest);
  const block = new Uint8Array(Math.min(blockBytes, size));
  // One that grows meanwhile is not read for ever.
  for (let hashed = 0; hashed < size;) {
    const most = Math.min(block.length, size - hashed);
    await pace(most);
    const read = readSync(file, block, 0, most, null);
    if (read === 0) break;
    hasher.update(block.subarray(0, read));
    hashed += read;
  }
  return hasher.digest();
}
