/**
 * Cutting the bytes of a list into whole lines, up to the first one of a number.
 *
 * @module
 */

const lineFeed = 0x0a;
const tab = 0x09;
const zero = 0x30;
const nine = 0x39;

/** The whole lines of a list that comes in pieces. */
export class WholeLines {
  /** True if the line has come before which they end. */
  hasEnded = false;
  /** Begin of a line whose end has not come yet. */
  #rest = new Uint8Array(0);
  readonly #until: number;

  /** @param until Number of the first line that is left out, with all that follow. @default none is */
  constructor(until = Infinity) {
    this.#until = until;
  }

  /** Returns the lines that end in the next piece. */
  take(piece: Uint8Array): Uint8Array {
    const bytes = new Uint8Array(this.#rest.length + piece.length);
    bytes.set(this.#rest);
    bytes.set(piece, this.#rest.length);
    const end = bytes.lastIndexOf(lineFeed) + 1;
    this.#rest = bytes.slice(end);
    const lines = bytes.subarray(0, end);
    return this.#until === Infinity ? lines : this.#cut(lines);
  }

  #cut(lines: Uint8Array): Uint8Array {
    for (let at = 0; at < lines.length;) {
      if (numberAt(lines, at) >= this.#until) {
        this.hasEnded = true;
        return lines.subarray(0, at);
      }
      at = lines.indexOf(lineFeed, at) + 1;
    }
    return lines;
  }
}

/** The number with which a line begins; -1: it has none, as an extension. */
function numberAt(lines: Uint8Array, start: number): number {
  let number = 0;
  for (let at = start;; at++) {
    const byte = lines[at]!;
    if (byte === tab && at > start) return number;
    if (byte < zero || byte > nine) return -1;
    number = number * 10 + byte - zero;
  }
}
