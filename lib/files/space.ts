/**
 * Room on the disk: a pass that would fill it stops before it does.
 *
 * @module
 */

import { statfsSync } from "node:fs";
import { FileError, LocalError } from "../errors.ts";

/**
 * Share that is left free, for directories, for notes, and for other programs: a
 * hundredth of the disk, and no more than 64 MiB. Of a small disk it is more, up
 * to 1 MiB or a twentieth.
 */
const reserveShare = 0.01;
const mostReserved = 64 * 1024 * 1024;
const smallReserve = 1024 * 1024;
const mostReserveShare = 0.05;

/** There is no room for a file; a smaller one may fit. */
export class NoRoomError extends LocalError {}

/** Bytes that are claimed for some files. */
export interface Claim {
  readonly bytes: number;
  /** Files that are made. */
  readonly files: number;
}

/** Watches the room on the disk of a directory, in blocks and inodes. */
export class Space {
  readonly #directory: string;
  /** Room that is left, as far as is known without asking the disk. */
  #left: Claim = { bytes: 0, files: 0 };
  /** Claimed and not written yet. */
  #claimed: Claim = { bytes: 0, files: 0 };
  #blockBytes = 1;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * Claims room for `bytes` of `files` new files, until {@link release} is
   * called for what this returns.
   *
   * @throws {NoRoomError} If there is not so much.
   * @throws {FileError} If there never will be: that is no reason to stop.
   */
  claim(bytes: number, files = 0): Claim {
    // Looking tells the size of a block as well.
    if (!this.#fits(this.#inBlocks(bytes, files))) this.#look(bytes);
    const claim = this.#inBlocks(bytes, files);
    if (!this.#fits(claim)) throw this.#full(bytes);
    this.#left = sum(this.#left, claim, -1);
    this.#claimed = sum(this.#claimed, claim, 1);
    return claim;
  }

  /** Tells that what was claimed before has been written, or is not going to be. */
  release(claim: Claim): void {
    this.#claimed = sum(this.#claimed, claim, -1);
  }

  #inBlocks(bytes: number, files: number): Claim {
    const blocks = Math.ceil(bytes / this.#blockBytes);
    return { bytes: blocks * this.#blockBytes, files };
  }

  #fits({ bytes, files }: Claim): boolean {
    return bytes <= this.#left.bytes && files <= this.#left.files;
  }

  #look(bytes: number): void {
    const { bavail, blocks, bsize, files, ffree } = statfsSync(this.#directory);
    const disk = blocks * bsize;
    if (bytes > disk) {
      throw new FileError(
        `Cannot write ${bytes} bytes to ${this.#directory}: the whole disk is smaller`,
        { hint: "check the size of the file on the server, or exclude it" },
      );
    }
    const small = Math.min(smallReserve, disk * mostReserveShare);
    const reserve = Math.min(
      mostReserved,
      Math.max(small, disk * reserveShare),
    );
    this.#blockBytes = bsize;
    this.#left = sum(
      {
        bytes: bavail * bsize - reserve,
        // Some file systems make inodes as they are needed, and tell of none.
        files: files === 0 ? Infinity : ffree - files * reserveShare,
      },
      this.#claimed,
      -1,
    );
  }

  #full(bytes: number): NoRoomError {
    const { files } = this.#left;
    const [what, hint] = files < 1
      ? ["has no inodes left", "remove files there"]
      : ["is full", "free some space there"];
    return new NoRoomError(
      `Cannot write ${bytes} bytes to ${this.#directory}: its disk ${what}`,
      { hint: `${hint}; the next pass continues from there` },
    );
  }
}

function sum(a: Claim, b: Claim, sign: 1 | -1): Claim {
  return { bytes: a.bytes + sign * b.bytes, files: a.files + sign * b.files };
}
