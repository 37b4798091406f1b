/**
 * Names in an export that are taken: no file can be where a directory is, and
 * no directory where a file is.
 *
 * @module
 */

import type { Live } from "./live.ts";
import { above, directoriesAbove } from "../list/path.ts";

/** The places of the files that an export has, or may have. */
export class Places {
  readonly #live: Live;
  readonly #unsure: ReadonlySet<string>;
  readonly #directories: ReadonlySet<string>;

  constructor(live: Live, unsure: ReadonlySet<string>) {
    this.#live = live;
    this.#unsure = unsure;
    this.#directories = new Set([
      ...directoriesAbove(live.paths()),
      ...directoriesAbove(unsure),
    ]);
  }

  /** Tells whether there are files below `path`, or a file where a directory above it should be. */
  isTaken(path: string): boolean {
    if (this.#directories.has(path)) return true;
    return above(path).some((directory) =>
      this.#live.has(directory) || this.#unsure.has(directory)
    );
  }
}
