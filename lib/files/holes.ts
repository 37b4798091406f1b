/**
 * Holes in files: long runs of zeros that take no room on the disk.
 *
 * @module
 */

import { Buffer } from "node:buffer";

/** Zeros are looked for in blocks of so many bytes; file systems keep holes of whole pages. */
const holeBytes = 16 * 1024;
const leastHoleBytes = 4 * 1024;
const zeros = Buffer.alloc(holeBytes);

/** Splits `bytes` into what must be written and what may be left out, as few pieces as can be. */
export function* splitAtHoles(
  bytes: Uint8Array,
): Generator<{ piece: Uint8Array; hole: boolean }> {
  let start = 0;
  let hole = false;
  for (let at = 0; at < bytes.length; at += holeBytes) {
    const zero = isZero(bytes.subarray(at, at + holeBytes));
    if (zero === hole) continue;
    if (at > start) yield { piece: bytes.subarray(start, at), hole };
    start = at;
    hole = zero;
  }
  if (start < bytes.length) yield { piece: bytes.subarray(start), hole };
}

function isZero(block: Uint8Array): boolean {
  if (block[0] !== 0 || block.length < leastHoleBytes) return false;
  return zeros.subarray(0, block.length).equals(block);
}
