/**
 * Reading a list on this machine line by line, however long it is.
 *
 * @module
 */

/** Size of one read. */
const chunkBytes = 1024 * 1024;

const lineFeed = 0x0a;

/** A line without its LF, and its first byte in the file; the bytes are overwritten by the next one. */
export type OnLine = (line: Uint8Array, place: number) => void;

/** Tells each line of a file that has an end; returns where the last one ends. */
export function scanLines(file: Deno.FsFile, onLine: OnLine): number {
  let buffer = new Uint8Array(chunkBytes);
  /** Bytes in the buffer, and where the first of them stands. */
  let filled = 0;
  let start = 0;
  for (;;) {
    // A line that fills all of it.
    if (filled === buffer.length) buffer = enlarged(buffer);
    const read = file.readSync(buffer.subarray(filled));
    if (read === null) return start;
    const known = filled;
    filled += read;
    const bytes = buffer.subarray(0, filled);
    let at = 0;
    for (
      let end = bytes.indexOf(lineFeed, known);
      end !== -1;
      end = bytes.indexOf(lineFeed, at)
    ) {
      onLine(buffer.subarray(at, end), start + at);
      at = end + 1;
    }
    buffer.copyWithin(0, at, filled);
    filled -= at;
    start += at;
  }
}

function enlarged(buffer: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(buffer.length * 2);
  larger.set(buffer);
  return larger;
}

/** Returns the line that begins at `place`, without its LF. */
export function readLineAt(file: Deno.FsFile, place: number): Uint8Array {
  for (let length = 512;; length *= 4) {
    const bytes = new Uint8Array(length);
    file.seekSync(place, Deno.SeekMode.Start);
    let filled = 0;
    for (;;) {
      const read = file.readSync(bytes.subarray(filled));
      if (read === null || read === 0) break;
      filled += read;
      if (filled === length) break;
    }
    const end = bytes.subarray(0, filled).indexOf(lineFeed);
    if (end !== -1) return bytes.subarray(0, end);
    if (filled < length) return bytes.subarray(0, filled);
  }
}
