/**
 * Recognising a file that was appended to, where there is no signature.
 *
 * @module
 */

import type { Stretch } from "../delta/recipe.ts";
import type { Range } from "../ssh/read-range.ts";
import type { OldFile } from "./old-file.ts";
import type { FetchRanges } from "./rebuild.ts";

/** What is compared: pieces of a page, spread over the old version, as many as its size allows. */
const pieceBytes = 4_096;
const bytesForPiece = 64 * pieceBytes;
const mostPieces = 64;

/** Returns the recipe of `old` and what comes after it. */
export function appendedTo(
  old: number,
  { start, end }: Range,
): Stretch[] {
  const stretches: Stretch[] = [];
  if (start < old) stretches.push({ start, end: old, old: start });
  stretches.push({ start: Math.max(start, old), end, old: null });
  return stretches;
}

/**
 * Guesses whether a file of `size` bytes begins with all of `old`: compares a
 * few pieces, the first and the last among them, which a file that was written
 * anew does not keep. What was fetched is little, and the digest of the whole
 * decides in the end.
 */
export async function seemsAppended(
  old: OldFile,
  size: number,
  fetchRanges: FetchRanges,
): Promise<boolean> {
  // A guess that is wrong fetches what was appended twice.
  if (old.size < bytesForPiece || old.size >= size || size > 2 * old.size) {
    return false;
  }
  const pieces = samples(old.size);
  const here = new Uint8Array(pieces.length * pieceBytes);
  for (const [index, { start }] of pieces.entries()) {
    old.read(start, here.subarray(index * pieceBytes).subarray(0, pieceBytes));
  }
  let same = 0;
  for await (const fetched of fetchRanges(pieces)) {
    const differs = fetched.some((byte, index) => byte !== here[same + index]);
    if (differs) return false;
    same += fetched.length;
  }
  return same === here.length;
}

/** Pieces from the first to the last, in order, evenly spread. */
function samples(size: number): Range[] {
  const count = Math.min(mostPieces, 1 + Math.floor(size / bytesForPiece));
  return Array.from({ length: count }, (_, index) => {
    const start = Math.floor(index * (size - pieceBytes) / (count - 1));
    return { start, end: start + pieceBytes };
  });
}
