/**
 * Room on the disk: a pass that would fill it stops before it does.
 *
 * @module
 */

import { statfsSync } from "node:fs";
import { FileError, LocalError } from "./errors.ts";

/** What is left free: a hundredth of the disk, and no more than 64 MiB. */
const reserveShare = 0.01;
const mostReserved = 64 * 1024 * 1024;

/** Watches the room on the disk of a directory. */
export class Space {
  readonly #directory: string;
  /** What may still be written, as far as is known without looking. */
  #left = 0;
  /** Claimed and not written yet. */
  #claimed = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * Claims room for `bytes`, until {@link release} is called for them.
   *
   * @throws {LocalError} If there is not so much.
   * @throws {FileError} If there never will be: that is no reason to stop.
   */
  claim(bytes: number): void {
    if (bytes > this.#left) this.#look(bytes);
    if (bytes > this.#left) {
      throw new LocalError(
        `Cannot write ${bytes} bytes to ${this.#directory}: its disk is full`,
        { hint: "make room; the next pass goes on from there" },
      );
    }
    this.#left -= bytes;
    this.#claimed += bytes;
  }

  /** Tells that `bytes` claimed before have been written, or are not going to be. */
  release(bytes: number): void {
    this.#claimed -= bytes;
  }

  #look(bytes: number): void {
    const { bavail, blocks, bsize } = statfsSync(this.#directory);
    if (bytes > blocks * bsize) {
      throw new FileError(
        `Cannot write ${bytes} bytes to ${this.#directory}: its whole disk is smaller`,
        { hint: "see whether the server means it, or exclude the file" },
      );
    }
    const reserve = Math.min(mostReserved, blocks * bsize * reserveShare);
    this.#left = bavail * bsize - reserve - this.#claimed;
  }
}
