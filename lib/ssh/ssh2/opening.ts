/**
 * What a peer has said first: one that is no SSH server, or has no room for us,
 * says so there.
 *
 * @module
 */

import { Buffer } from "node:buffer";

/** How much is kept: room for a server's banner, and its offer of algorithms. */
const mostBytes = 8 * 1024;

/** Keeps the first bytes of many. */
export class Opening {
  #parts: Buffer[] = [];
  #room = mostBytes;

  keep(bytes: Uint8Array): void {
    if (this.#room <= 0) return;
    this.#parts.push(Buffer.from(bytes.subarray(0, this.#room)));
    this.#room -= bytes.length;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }
}
