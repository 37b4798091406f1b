/**
 * Things among the sources that are not files: symbolic links, empty directories,
 * devices. It is counted in each run, and told when it appears.
 *
 * @module
 */

import { noNotFiles, type NotFile, type NotFiles } from "../list/not-files.ts";
import { encodePath } from "../list/path.ts";
import { Journal } from "../files/journal.ts";

/** So many are named: a tree may consist of nothing else. */
const most = 10_000;

/** A note of them beside the list, a kind and a path a line. */
export class PassedOver {
  readonly #journal: Journal;
  readonly #before: ReadonlySet<string>;
  readonly #now: string[] = [];
  readonly #counts = { ...noNotFiles };

  /** @param own The directory of relais in the export. */
  constructor(own: string) {
    this.#journal = new Journal(`${own}/skipped`);
    this.#before = new Set(this.#journal.read());
  }

  /** Counts one; returns whether it is new. */
  add(kind: NotFile, path: string): boolean {
    this.#counts[kind]++;
    if (this.#now.length >= most) return false;
    const line = `${kind}\t${encodePath(path)}`;
    this.#now.push(line);
    return !this.#before.has(line);
  }

  get counts(): NotFiles {
    return this.#counts;
  }

  /** Notes what there is now, if it is not what there was. */
  settle(): void {
    const isSame = this.#now.length === this.#before.size &&
      this.#now.every((line) => this.#before.has(line));
    if (!isSame) this.#journal.write(this.#now);
  }
}
