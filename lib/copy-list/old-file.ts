/**
 * A file on the replica that a new version is made of.
 *
 * @module
 */

import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import type { Old } from "../delta/search.ts";
import { FileError } from "../errors.ts";
import { systemReason } from "../text/system-reason.ts";

/** Bytes that are read to measure the disk, at most and as a share of the file. */
const readToMeasure = 4 * 1024 * 1024;
const shareToMeasure = 1 / 64;

/** An old version that is open for reading. Nobody promises that it stays as it is. */
export class OldFile implements Old, Disposable {
  /** What it is called when it is told of. */
  readonly name: string;
  /** Bytes it had when it was opened. */
  readonly size: number;
  /** Where it is found, whatever is done to its name meanwhile. */
  readonly path: string | undefined;
  readonly #file: number;

  /** Takes over the descriptor `file`. */
  constructor(name: string, file: number, path?: string) {
    this.name = name;
    this.path = path;
    this.#file = file;
    this.size = fstatSync(file).size;
  }

  /**
   * Opens a file in a directory of relais's own.
   *
   * @throws {FileError} If it cannot be read.
   */
  static open(path: string): OldFile {
    const { O_RDONLY, O_NOFOLLOW } = constants;
    try {
      return new OldFile(path, openSync(path, O_RDONLY | O_NOFOLLOW));
    } catch (error) {
      throw unreadable(path, error);
    }
  }

  /** @throws {FileError} If it cannot be read. */
  read(position: number, into: Uint8Array): number {
    let filled = 0;
    try {
      while (filled < into.length) {
        const left = into.length - filled;
        const at = position + filled;
        const read = readSync(this.#file, into, filled, left, at);
        if (read === 0) break;
        filled += read;
      }
    } catch (error) {
      throw unreadable(this.name, error);
    }
    return filled;
  }

  /** Reads some of its middle, and returns how many bytes came in a millisecond. */
  rate(): number {
    const share = Math.ceil(shareToMeasure * this.size);
    const bytes = new Uint8Array(Math.min(readToMeasure, share));
    const began = performance.now();
    this.read(Math.floor((this.size - bytes.length) / 2), bytes);
    return bytes.length / Math.max(0.01, performance.now() - began);
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
  }
}

function unreadable(name: string, cause: unknown): FileError {
  return new FileError(`Cannot read ${name}: ${systemReason(cause)}`, {
    cause,
  });
}
