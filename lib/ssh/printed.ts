/**
 * What a server prints where SFTP should begin: the greeting of a shell, or why
 * its SFTP server ends.
 *
 * @module
 */

import { Buffer } from "node:buffer";

/** How much of it is kept. */
const longestText = 512;

/** Keeps the beginning of what a server sends. */
export class Printed {
  #bytes = Buffer.alloc(0);

  keep(bytes: Uint8Array): void {
    const room = longestText - this.#bytes.length;
    if (room > 0) {
      this.#bytes = Buffer.concat([this.#bytes, bytes.subarray(0, room)]);
    }
  }

  /** The first line; empty if what came may be SFTP. */
  get line(): string {
    // The length of an SFTP packet, which text never begins with.
    if (this.#bytes[0] === 0) return "";
    return this.#bytes.toString().trim().split(/[\r\n]/)[0]!;
  }
}
