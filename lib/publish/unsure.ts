/**
 * Paths of an export of which nobody knows what is there: a run was cut off while
 * it was about to put files in place or to take them away.
 *
 * @module
 */

import { Journal } from "../files/journal.ts";
import { checkPath, decodePath, encodePath } from "../list/path.ts";

/** The note of such paths, in a file of the export. */
export class Unsure {
  /** What an interrupted run has left. */
  readonly paths: ReadonlySet<string>;
  readonly #journal: Journal;

  /** @param path Where it is noted. */
  constructor(path: string) {
    this.#journal = new Journal(path);
    this.paths = new Set(
      this.#journal.read().map((line) => decodePath(line) ?? "")
        .filter((path) => checkPath(path) === undefined),
    );
  }

  /**
   * Notes what is about to be exported or taken away; what was unsure before still is.
   *
   * @throws {LocalError} If that cannot be written.
   */
  note(paths: Iterable<string>): void {
    this.#journal.write([...this.paths, ...paths].map(encodePath));
  }

  /** Notes the end of a run; if it left anything open, what was unsure before still is. */
  settle(isOpen: boolean): void {
    if (isOpen && this.paths.size > 0) this.note([]);
    else this.#journal.clear();
  }
}
