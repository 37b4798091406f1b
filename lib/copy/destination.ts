/**
 * The directory that holds the copy, and the only code that puts files into it
 * or takes them away. No server chooses where anything lands: every part of a
 * path is looked at again right before it is used, and nothing is ever reached
 * through a symbolic link.
 *
 * @module
 */

import { dirname } from "@std/path/posix";
import { FileError, LocalError } from "../errors.ts";

/** What relais keeps for itself below `into`; no path of a list may lie there. */
const own = ".relais";

/** Directories are made as `mkdir` makes them, but for what the umask takes away. */
const directoryMode = 0o777;

/** The destination of a replica. */
export class Destination {
  readonly into: string;
  /** Directories made since the start: nothing of anybody else's is in them. */
  readonly #made = new Set<string>();
  /** Directories that were missing when they were first looked for. */
  readonly #missing = new Set<string>();

  constructor(into: string) {
    this.into = into;
  }

  /** Where files are made before they are renamed into place: on the same file system. */
  get staging(): string {
    return `${this.into}/${own}/staging`;
  }

  /** Where the moves under way are noted; see {@link Moves}. */
  get journal(): string {
    return `${this.into}/${own}/journal`;
  }

  /**
   * Makes `into` and what relais needs below it.
   *
   * @throws {LocalError} If that is not possible.
   */
  prepare(): void {
    try {
      Deno.mkdirSync(this.into, { recursive: true, mode: directoryMode });
      Deno.mkdirSync(this.staging, { recursive: true, mode: 0o700 });
      this.#checkParts(`${own}/staging`);
    } catch (error) {
      throw new LocalError(
        `Cannot write to ${this.into}: ${(error as Error).message}`,
        { cause: error, hint: "see replica.into, its owner and its disk" },
      );
    }
  }

  /** Whether nothing can be under `path`: its directory is missing, or was made for an earlier file. */
  isNew(path: string): boolean {
    const parent = dirname(path);
    if (this.#missing.has(parent)) return true;
    const missing = this.#made.has(this.absolute(parent)) ||
      !this.#checkParts(parent);
    if (missing) this.#missing.add(parent);
    return missing;
  }

  /** Returns what is under `path`, or `undefined` if there is nothing. */
  look(path: string): Deno.FileInfo | undefined {
    return lookAt(this.absolute(path));
  }

  /**
   * Renames a staged file to its final name.
   *
   * @param checked Directories that the files placed just before lie in: they
   *   need not be looked at again.
   * @throws {FileError} If a file, a directory or a link is in the way.
   */
  place(staged: string, path: string, checked = new Set<string>()): void {
    const parent = dirname(path);
    if (!checked.has(parent)) this.#makeParents(path);
    checked.add(parent);
    try {
      // Over a link, rename(2) replaces the link and does not follow it.
      Deno.renameSync(staged, this.absolute(path));
    } catch (error) {
      const there = this.look(path);
      throw there?.isDirectory ? inTheWay(path, path, there) : error;
    }
  }

  /** Takes a file away for good. */
  remove(path: string): void {
    if (this.#lookBelow(path)?.isFile) Deno.removeSync(this.absolute(path));
  }

  /** Moves a file to the trash of `day` (as in `2026-11-23`). */
  trash(path: string, day: string): void {
    if (!this.#lookBelow(path)?.isFile) return;
    let kept = `${trashOf(day)}/${path}`;
    for (let count = 1; this.#lookBelow(kept) !== undefined; count++) {
      // A file of that name was thrown away already that day.
      kept = `${trashOf(`${day}.${count}`)}/${path}`;
    }
    this.#makeParents(kept);
    Deno.renameSync(this.absolute(path), this.absolute(kept));
  }

  /** Deletes what was moved to the trash before `day`. */
  emptyTrash(day: string): void {
    const trash = `${own}/trash`;
    if (!this.#checkParts(trash)) return;
    for (
      const { name, isDirectory } of Deno.readDirSync(this.absolute(trash))
    ) {
      if (
        !isDirectory || !/^\d{4}-\d\d-\d\d/.test(name) || name >= day
      ) continue;
      // Links in it are removed, and not followed.
      Deno.removeSync(this.absolute(trashOf(name)), { recursive: true });
    }
  }

  /** Returns the absolute path of a checked relative one. */
  absolute(path: string): string {
    return `${this.into}/${path}`;
  }

  #lookBelow(path: string): Deno.FileInfo | undefined {
    return this.#checkParts(dirname(path)) ? this.look(path) : undefined;
  }

  /** Makes the directories above `path`, one by one, through no link. */
  #makeParents(path: string): void {
    const parent = dirname(path);
    if (this.#checkParts(parent)) return;
    let made = this.into;
    for (const part of parent.split("/")) {
      made += `/${part}`;
      if (lookAt(made) === undefined) {
        Deno.mkdirSync(made, { mode: directoryMode });
        this.#made.add(made);
      }
    }
    this.#checkParts(parent);
  }

  /** Looks at each directory of `directory`; false if one is missing. */
  #checkParts(directory: string): boolean {
    if (directory === ".") return true;
    let at = "";
    for (const part of directory.split("/")) {
      at = at === "" ? part : `${at}/${part}`;
      const there = this.look(at);
      if (there === undefined) return false;
      if (!there.isDirectory) throw inTheWay(directory, at, there);
    }
    return true;
  }
}

function trashOf(day: string): string {
  return `${own}/trash/${day}`;
}

function lookAt(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof Deno.errors.NotADirectory) return undefined;
    throw error;
  }
}

function inTheWay(
  path: string,
  at: string,
  { isDirectory, isFile }: Deno.FileInfo,
): FileError {
  const kind = isDirectory
    ? "a directory"
    : isFile
    ? "a file"
    : "a symbolic link or a device";
  return new FileError(
    `Cannot place ${path}: ${at} is ${kind} on the replica`,
    {
      hint: "move it away, or exclude the path",
    },
  );
}
