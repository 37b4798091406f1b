/**
 * The line between an embedded server and its clients.
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import type { SFTPStream } from "ssh2";

/** A line that carries no more than so many bytes a second, of all sessions together. */
export class Line {
  readonly #bytesPerMs: number;
  /** When it has carried all that it was given, by the monotonic clock. */
  #freeAt = 0;

  constructor(bytesPerSecond: number) {
    this.#bytesPerMs = bytesPerSecond / 1_000;
  }

  /** Has what is read in a session come over the line. */
  carry(sftp: SFTPStream): void {
    const send = sftp.data.bind(sftp);
    sftp.data = (request: number, bytes: Buffer) => {
      const now = performance.now();
      this.#freeAt = Math.max(this.#freeAt, now) +
        bytes.length / this.#bytesPerMs;
      setTimeout(() => send(request, bytes), this.#freeAt - now);
    };
  }
}
