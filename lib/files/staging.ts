/**
 * The directory of files in the making, and what earlier passes have left there.
 *
 * @module
 */

import { setDate } from "./attributes.ts";
import { createHasher } from "./digest.ts";
import { ordinaryRights, type Rights } from "./rights.ts";
import { checkContents, StagedFile } from "./staged-file.ts";
import { type Contents, pathPrefix, stagedName } from "./staged-name.ts";

/** The directory of staged files. */
export class Staging {
  readonly directory: string;
  readonly #rights: Rights;
  /** Names of what was there at the start: a pass was cut off. */
  readonly #leftovers: Set<string>;

  /** @param rights What a file gets once it is whole. */
  constructor(directory: string, rights: Rights = ordinaryRights) {
    this.directory = directory;
    this.#rights = rights;
    this.#leftovers = new Set(
      [...Deno.readDirSync(directory)].map(({ name }) => name),
    );
  }

  /** Tells whether an earlier pass has left something of this version. */
  holds(entry: Contents): boolean {
    return this.#leftovers.size > 0 && this.#leftovers.has(stagedName(entry));
  }

  /** Bytes that an earlier pass has left of this version. */
  held(entry: Contents): number {
    if (!this.holds(entry)) return 0;
    return Deno.lstatSync(`${this.directory}/${stagedName(entry)}`).size;
  }

  /** Paths of what earlier passes have left of other versions of a file. */
  others(entry: Contents): string[] {
    if (this.isEmpty) return [];
    const own = stagedName(entry);
    return [...this.#leftovers]
      .filter((name) => name !== own && name.startsWith(pathPrefix(entry.path)))
      .map((name) => `${this.directory}/${name}`);
  }

  /**
   * Writes a file that is whole, and returns its path.
   *
   * @throws {FileError} If it is not what its entry says: then nothing is written.
   */
  write(entry: Contents, bytes: Uint8Array): string {
    const hasher = createHasher(entry.digest);
    hasher.update(bytes);
    checkContents(entry, bytes.length, hasher);
    const path = `${this.directory}/${stagedName(entry)}`;
    Deno.writeFileSync(path, bytes, {
      createNew: true,
      mode: this.#rights.fileMode(entry),
    });
    setDate(path, entry);
    this.#rights.finish(path, entry);
    return path;
  }

  /** Opens the file of a version, and goes on with what is there of it. */
  open(entry: Contents): Promise<StagedFile> {
    return StagedFile.open(this.directory, entry, this.#rights);
  }

  /** Tells whether an earlier pass has left anything. */
  get isEmpty(): boolean {
    return this.#leftovers.size === 0;
  }

  /** Keeps what is there of `entries` from {@link tidy}. */
  keep(entries: Iterable<Contents>): void {
    for (const entry of entries) this.#leftovers.delete(stagedName(entry));
  }

  /** Removes what earlier passes left, but for what is kept; returns how many files went. */
  tidy(): number {
    const removed = this.#leftovers.size;
    for (const name of this.#leftovers) this.#remove(name);
    this.#leftovers.clear();
    return removed;
  }

  /** Removes all that is staged: the disk may have lost some of it. */
  discard(): void {
    for (const { name } of Deno.readDirSync(this.directory)) this.#remove(name);
  }

  #remove(name: string): void {
    Deno.removeSync(`${this.directory}/${name}`, { recursive: true });
  }
}
