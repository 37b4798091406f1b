/**
 * Presence of files in an export, directory by directory: looking at each file would
 * take as long as looking at its source.
 *
 * @module
 */

import type { Destination } from "../files/destination.ts";
import { FileError } from "../errors.ts";

/** Tells what is there, for paths that come as a walk finds them. */
export class Presence {
  readonly #destination: Destination;
  /** The names of files in the directory asked for last, and in those above it. */
  readonly #names = new Map<string, ReadonlySet<string>>();

  constructor(destination: Destination) {
    this.#destination = destination;
  }

  /** Tells whether there was a file under `path` when its directory was read. */
  has(path: string): boolean {
    const end = path.lastIndexOf("/");
    const directory = end === -1 ? "." : path.slice(0, end);
    let names = this.#names.get(directory);
    if (names === undefined) {
      this.#forgetAllBut(directory);
      names = this.#read(directory);
      this.#names.set(directory, names);
    }
    return names.has(path.slice(end + 1));
  }

  #forgetAllBut(directory: string): void {
    for (const other of this.#names.keys()) {
      const isAbove = other === "." || directory.startsWith(`${other}/`);
      if (!isAbove) this.#names.delete(other);
    }
  }

  #read(directory: string): ReadonlySet<string> {
    try {
      return this.#destination.filesIn(directory);
    } catch (error) {
      // A file or a link is where the directory should be: placing says so.
      if (error instanceof FileError) return new Set();
      throw error;
    }
  }
}
