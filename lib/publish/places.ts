/**
 * Which names in an export are taken: no file can be where a directory is, and
 * no directory where a file is.
 *
 * @module
 */

import { above, directoriesAbove } from "../list/path.ts";

/** The places of the files that an export has. */
export class Places {
  readonly #files: ReadonlySet<string>;
  readonly #directories: ReadonlySet<string>;

  constructor(files: Iterable<string>) {
    this.#files = new Set(files);
    this.#directories = new Set(directoriesAbove(this.#files));
  }

  /** Whether there are files below `path`, or there is one where a directory above it should be. */
  isTaken(path: string): boolean {
    if (this.#directories.has(path)) return true;
    return above(path).some((directory) => this.#files.has(directory));
  }
}
