/**
 * The directory that holds the copy, and the only code that puts files into it
 * or takes them away. No server chooses where anything lands, and nothing is
 * ever reached through a symbolic link; see {@link Directories}.
 *
 * @module
 */

import { constants, rmdirSync } from "node:fs";
import { basename, dirname } from "@std/path/posix";
import { FileError, LocalError } from "../errors.ts";
import { directoriesAbove, ownDirectory as own } from "../list/path.ts";
import { ordinaryRights, type Rights } from "./rights.ts";
import { Directories, inTheWay, openThere } from "./directories.ts";
import { lookAt } from "./if-there.ts";
import { Journal } from "./journal.ts";
import { MadeDirectories } from "./made-directories.ts";
import { systemReason } from "../text/system-reason.ts";

/** Rights of what is relais's own. */
const ownMode = 0o700;

/** Permissions that no other account may have on the directory of relais: write. */
const foreignWrite = 0o022;

/** For reading what is there: should it be a FIFO by then, opening it must not wait. */
const readFlags = constants.O_RDONLY | constants.O_NONBLOCK;

/** A file that is open. */
export interface OpenFile {
  /** Its descriptor; whoever opened it closes it. */
  readonly file: number;
  /** A path that leads to it, for changing its date and mode. */
  readonly path: string;
}

/** The file below `into` that names the moves in progress; see {@link Moves}. */
export function journalOf(into: string): string {
  return `${into}/${own}/journal`;
}

/** The destination of a replica. */
export class Destination {
  readonly into: string;
  readonly rights: Rights;
  readonly #directories: Directories;
  /** The directory of relais, held open from {@link prepare} on. */
  readonly #own: Directories;
  /** Directories that were missing when they were first looked for: what has come into them since is known. */
  readonly #missing = new Set<string>();
  /** Directories made and not yet noted. */
  #made: string[] = [];

  /**
   * @param through Where the descriptors of this process are found; see {@link Directories}.
   * @param rights What is put there gets.
   */
  constructor(into: string, through?: string, rights: Rights = ordinaryRights) {
    this.into = into;
    this.rights = rights;
    this.#directories = new Directories(into, through);
    this.#own = new Directories(into, through);
  }

  /** Directory in which files are made before they are renamed into place: on the same file system. */
  get staging(): string {
    return this.#own.reach(`${own}/staging`)!;
  }

  /** Directory of relais in it. */
  get own(): string {
    return this.#own.reach(own)!;
  }

  /** File that names the moves in progress; see {@link Moves}. */
  get journal(): string {
    return `${this.own}/journal`;
  }

  /**
   * Makes `into` and what relais needs below it.
   *
   * @throws {LocalError} If that is not possible.
   */
  prepare(): void {
    try {
      const isNew = lookAt(`${this.into}/${own}`) === undefined;
      const isMissing = lookAt(this.into) === undefined;
      Deno.mkdirSync(this.into, { recursive: true });
      const staging = this.#own.make(`${own}/staging`, { mode: ownMode });
      if (this.#own.holds) {
        for (const path of [this.own, staging]) claim(path);
      }
      this.rights.test(staging);
      if (isMissing) this.rights.amendDirectory(this.into);
      // What comes from now on has them from the start.
      if (isNew) this.noteRights();
    } catch (error) {
      if (error instanceof LocalError) throw error;
      throw new LocalError(
        `Cannot write to ${this.into}: ${systemReason(error)}`,
        {
          cause: error,
          hint: `check the owner, permissions and free space of ${this.into}`,
        },
      );
    }
  }

  /**
   * Tells whether nothing can be under `path` that was there before the last
   * {@link forget}: its directory is missing, or was then.
   */
  isNew(path: string): boolean {
    const parent = dirname(path);
    if (this.#missing.has(parent)) return true;
    const missing = this.#directories.reach(parent) === undefined;
    if (missing) this.#missing.add(parent);
    return missing;
  }

  /** Takes no directory for new any more: files are in it that nobody may have heard of. */
  forget(): void {
    this.#missing.clear();
  }

  /**
   * Returns what is under `path`, or `undefined` if there is nothing.
   *
   * @throws {FileError} If a link or a file is where a directory should be.
   */
  look(path: string): Deno.FileInfo | undefined {
    const way = this.#wayTo(path);
    return way === undefined ? undefined : lookAt(way);
  }

  /** Returns the size of the file under `path`; `undefined` if there is none that could be reached. */
  sizeOf(path: string): number | undefined {
    try {
      const there = this.look(path);
      return there?.isFile ? there.size : undefined;
    } catch (error) {
      if (error instanceof FileError) return undefined;
      throw error;
    }
  }

  /**
   * Returns the names of the files in a directory (`.`, or as in `a/b`).
   *
   * @throws {FileError} If a link or a file is where a directory should be.
   */
  filesIn(directory: string): Set<string> {
    const names = new Set<string>();
    const way = this.#directories.reach(directory);
    if (way === undefined) return names;
    for (const { name, isFile } of Deno.readDirSync(way)) {
      if (isFile) names.add(name);
    }
    return names;
  }

  /**
   * Opens the file under `path` for reading; returns `undefined` if there is none.
   *
   * @throws {FileError} If something else is where a file or its directory should be.
   */
  open(path: string): OpenFile | undefined {
    const way = this.#wayTo(path);
    const there = way === undefined ? undefined : lookAt(way);
    if (there?.isDirectory) throw inTheWay(path, path, there);
    if (way === undefined || !there?.isFile) return undefined;
    const file = openThere(way, there, readFlags);
    if (file === undefined) return undefined;
    return { file, path: this.#directories.nameOf(file) ?? way };
  }

  /**
   * Renames a staged file to its final name.
   *
   * @throws {FileError} If a file, a directory or a link is in the way.
   */
  place(staged: string, path: string): void {
    const parent = this.#makeParent(path);
    const way = `${parent}/${basename(path)}`;
    try {
      // Over a link, rename(2) replaces the link and does not follow it.
      Deno.renameSync(staged, way);
    } catch (error) {
      const there = lookAt(way);
      throw there?.isDirectory ? inTheWay(path, path, there) : error;
    }
  }

  /**
   * Makes the directory that a file belongs in.
   *
   * @throws {FileError} If a file, a directory or a link is in the way.
   */
  makeWay(path: string): void {
    const there = lookAt(`${this.#makeParent(path)}/${basename(path)}`);
    if (there?.isDirectory) throw inTheWay(path, path, there);
  }

  /** Takes a file away for good. */
  remove(path: string): void {
    if (this.look(path)?.isFile) Deno.removeSync(this.#wayTo(path)!);
  }

  /** Takes a directory away if there is nothing in it, never through a link; returns whether it is gone. */
  removeEmpty(directory: string): boolean {
    try {
      const way = this.#wayTo(directory);
      // In place of a directory there may be a link: rmdir(2) takes none away.
      if (way !== undefined) rmdirSync(way);
      return true;
    } catch (error) {
      return (error as { code?: string }).code === "ENOENT";
    }
  }

  /**
   * Makes the trash.
   *
   * @throws {FileError} If something else is in its place.
   */
  makeTrash(): void {
    this.#directories.make(`${own}/trash`, { mode: ownMode });
  }

  /** Moves a file to the trash of `day` (as in `2026-11-23`). */
  trash(path: string, day: string): void {
    if (!this.look(path)?.isFile) return;
    Deno.renameSync(this.#wayTo(path)!, this.#placeInTrash(path, day));
  }

  /** Moves a file out of the copy, to `away`: a path on the same file system. */
  takeAway(path: string, away: string): void {
    if (this.look(path)?.isFile) Deno.renameSync(this.#wayTo(path)!, away);
  }

  /** Moves a file that was taken away from `path` to the trash of `day`. */
  throwAway(away: string, path: string, day: string): void {
    Deno.renameSync(away, this.#placeInTrash(path, day));
  }

  /**
   * Puts a file into the trash of `day` and leaves it where it is, too. Only for
   * files that are replaced as a whole and never written to: it is one file of
   * two names.
   */
  keep(path: string, day: string): void {
    if (!this.look(path)?.isFile) return;
    Deno.linkSync(this.#wayTo(path)!, this.#placeInTrash(path, day));
  }

  /** Deletes what was moved to the trash before `day`. */
  emptyTrash(day: string): void {
    const trash = this.#directories.reach(`${own}/trash`);
    if (trash === undefined) return;
    for (const { name, isDirectory } of Deno.readDirSync(trash)) {
      if (
        !isDirectory || !/^\d{4}-\d\d-\d\d/.test(name) || name >= day
      ) continue;
      // Links in it are removed, and not followed.
      removeAll(`${trash}/${name}`);
    }
  }

  /** Removes the directories above `paths` that relais made and that hold nothing any more. */
  removeEmptied(paths: Iterable<string>): void {
    const emptied = directoriesAbove(paths);
    if (emptied.length === 0) return;
    this.#noteMade();
    const made = this.#madeDirectories;
    const noted = made.read();
    const before = noted.size;
    for (const directory of emptied) {
      if (noted.has(directory) && this.removeEmpty(directory)) {
        noted.delete(directory);
      }
    }
    if (noted.size < before) made.replace(noted);
    // Some of those that are held are no more.
    this.#directories.release();
  }

  /** Tells whether the rights are others than those last noted. */
  get hasNewRights(): boolean {
    return this.#notedRights.read()[0] !== this.rights.fingerprint;
  }

  /** Notes that all that is here has these rights. */
  noteRights(): void {
    this.#notedRights.write([this.rights.fingerprint]);
  }

  /** Gives every directory that relais made its rights. */
  amendDirectories(): void {
    this.#noteMade();
    for (const directory of this.#madeDirectories.read()) {
      try {
        const way = this.#directories.reach(directory);
        if (way !== undefined) this.rights.amendDirectory(way);
      } catch (error) {
        // Something else is in its place by now.
        if (!(error instanceof FileError)) throw error;
      }
    }
  }

  /** Notes what directories were made, and looks all of them up anew from now on. */
  release(): void {
    this.#noteMade();
    this.#directories.release();
  }

  get #madeDirectories(): MadeDirectories {
    return new MadeDirectories(`${this.own}/directories`);
  }

  get #notedRights(): Journal {
    return new Journal(`${this.own}/rights`);
  }

  #makeParent(path: string): string {
    return this.#directories.make(dirname(path), {
      mode: this.rights.madeMode,
      onMade: (made, way) => {
        this.#made.push(made);
        this.rights.amendDirectory(way);
      },
    });
  }

  #noteMade(): void {
    if (this.#made.length > 0) this.#madeDirectories.add(this.#made);
    this.#made = [];
  }

  /** A way to where `path` can be thrown away on `day`; its directory is made. */
  #placeInTrash(path: string, day: string): string {
    this.makeTrash();
    let kept = `${trashOf(day)}/${path}`;
    for (let count = 1; this.#isTaken(kept); count++) {
      // A file of that name was thrown away already that day.
      kept = `${trashOf(`${day}.${count}`)}/${path}`;
    }
    const trash = this.#directories.make(dirname(kept), { mode: ownMode });
    return `${trash}/${basename(kept)}`;
  }

  /** Tells whether there is something under `path`, or a file where its directory should be. */
  #isTaken(path: string): boolean {
    try {
      return this.look(path) !== undefined;
    } catch (error) {
      if (error instanceof FileError) return true;
      throw error;
    }
  }

  /** A way to `path` through no link; `undefined` if its directory is missing. */
  #wayTo(path: string): string | undefined {
    const parent = this.#directories.reach(dirname(path));
    return parent === undefined ? undefined : `${parent}/${basename(path)}`;
  }
}

/** Removes a directory with all that is in it; another node may do so, too. */
function removeAll(directory: string): void {
  try {
    Deno.removeSync(directory, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function trashOf(day: string): string {
  return `${own}/trash/${day}`;
}

/** Sees to it that nobody else changes what is in a directory: what somebody else made could be. */
function claim(path: string): void {
  const { uid, mode } = Deno.statSync(path);
  if (uid !== Deno.uid()) {
    throw new Error(`${own} belongs to another user (uid ${uid})`);
  }
  if ((mode! & foreignWrite) !== 0) {
    Deno.chmodSync(path, mode! & ~foreignWrite & 0o7777);
  }
}
