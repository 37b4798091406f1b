/**
 * Which names in an export are taken: no file can be where a directory is, and
 * no directory where a file is.
 *
 * @module
 */

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

/** Returns the directories that `paths` lie in, those within others first. */
export function directoriesAbove(paths: Iterable<string>): string[] {
  const directories = new Set<string>();
  for (const path of paths) {
    for (const directory of above(path)) {
      if (directories.has(directory)) break;
      directories.add(directory);
    }
  }
  return [...directories].sort((a, b) => b.length - a.length);
}

/** The directories above a path, the nearest first. */
function above(path: string): string[] {
  const directories = [];
  for (let at; (at = path.lastIndexOf("/")) !== -1;) {
    path = path.slice(0, at);
    directories.push(path);
  }
  return directories;
}
