/**
 * Writing all of some bytes, where one write may take only a part of them.
 *
 * @module
 */

/** Writes all of `bytes`, write(2). */
export function writeAll(
  file: { writeSync(bytes: Uint8Array): number },
  bytes: Uint8Array,
): void {
  for (let written = 0; written < bytes.length;) {
    written += file.writeSync(bytes.subarray(written));
  }
}
