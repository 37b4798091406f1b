/**
 * The files that a publisher's globs name.
 *
 * Who may write among the sources may swap one against a link to a file that
 * only the publisher may read. So directories are held open ({@link Directories}),
 * and a file is opened only if it is the one that was looked at.
 *
 * @module
 */

import { closeSync, constants, fstatSync, lstatSync } from "node:fs";
import type { BigIntStats } from "node:fs";
import { basename, dirname } from "@std/path/posix";
import { globToRegExp } from "@std/path/posix";
import type { SourcesConfig } from "../config/config.ts";
import { Directories, lookAt, openThere } from "../copy/directories.ts";
import { FileError, RefusedError } from "../errors.ts";
import { checkPath } from "../list/path.ts";
import { type Timestamp, timestampFromNanoseconds } from "../timestamp.ts";

/** A source file, or why what a glob names is not published: because it cannot be, or because it is no file of its own. */
export type Source =
  | { readonly path: string }
  | { readonly path: string; readonly skipped: string }
  | { readonly path: string; readonly passedOver: string };

/** What tells one state of a source from another. */
export interface SourceState {
  readonly size: number;
  readonly mtime: Timestamp;
  /** Permission bits. */
  readonly mode: number;
  readonly device: bigint;
  readonly inode: bigint;
}

/** Should it be a FIFO by then, opening it must not wait. */
const readFlags = constants.O_RDONLY | constants.O_NONBLOCK;

/** Makes a test of an absolute path from a glob of `publish.files`. */
export function compileGlob(glob: string): RegExp {
  return globToRegExp(glob, { extended: false, globstar: true });
}

/** What is published, below the base of its names. */
export class Sources {
  readonly #base: string;
  readonly #into: string;
  readonly #globs: readonly RegExp[];
  readonly #directories: Directories;

  /** @param through Where the descriptors of this process are found; see {@link Directories}. */
  constructor({ files, base, into }: SourcesConfig, through?: string) {
    this.#base = base;
    this.#into = into;
    this.#globs = files.map(compileGlob);
    this.#directories = new Directories(base, through);
  }

  /**
   * Yields what the globs name below the base: regular files only, through no
   * symbolic link, and never the export itself.
   *
   * @throws {RefusedError} If the base is missing: an unmounted disk must not withdraw every file.
   */
  *find(): Generator<Source> {
    if (!isDirectory(this.#base)) {
      throw new RefusedError(
        `Cannot publish from ${this.#base}: it is no directory`,
        { hint: "see that its disk is mounted; nothing was withdrawn" },
      );
    }
    yield* this.#walk("");
  }

  /** The path of a source, for people. */
  nameOf(path: string): string {
    return this.#base === "/" ? `/${path}` : `${this.#base}/${path}`;
  }

  /** @throws {FileError} If it is not a regular file, or not there. */
  look(path: string): SourceState {
    const stat = lstatSync(this.#wayTo(path), { bigint: true });
    if (!stat.isFile()) {
      throw new FileError(
        `Cannot publish ${this.nameOf(path)}: it is no regular file`,
      );
    }
    return stateOf(stat);
  }

  /** Opens what was seen under `path`; returns `undefined` if it has changed since, or another file is there. */
  open(path: string, seen: SourceState): OpenSource | undefined {
    const way = this.#wayTo(path);
    const there = lookAt(way);
    if (!there?.isFile) return undefined;
    const file = openThere(way, there, readFlags);
    if (file === undefined) return undefined;
    const opened = new OpenSource(file);
    if (sameState(opened.look(), seen)) return opened;
    opened[Symbol.dispose]();
    return undefined;
  }

  /** Whether nobody but this account and root can put another file under `path`. */
  isOurs(path: string): boolean {
    for (let at = dirname(path);; at = dirname(at)) {
      const there = lookAt(at === "." ? this.#base : this.nameOf(at));
      if (!there?.isDirectory || (there.mode! & foreignWrite) !== 0) {
        return false;
      }
      if (there.uid !== 0 && there.uid !== Deno.uid()) return false;
      if (at === ".") return true;
    }
  }

  [Symbol.dispose](): void {
    this.#directories.release();
  }

  *#walk(below: string): Generator<Source> {
    for (const entry of this.#read(below)) {
      if ("skipped" in entry) {
        yield { path: below, skipped: entry.skipped };
        continue;
      }
      const path = below === "" ? entry.name : `${below}/${entry.name}`;
      const source = this.nameOf(path);
      if (source === this.#into) continue;
      if (entry.isDirectory) yield* this.#walk(path);
      else if (this.#globs.some((glob) => glob.test(source))) {
        yield judge(path, entry);
      }
    }
  }

  #read(directory: string): Iterable<Deno.DirEntry | { skipped: string }> {
    try {
      const way = this.#directories.reach(directory === "" ? "." : directory);
      if (way === undefined) return [{ skipped: "it has gone" }];
      // Sorted, so that the same tree makes the same list.
      return [...Deno.readDirSync(way)].sort((a, b) =>
        a.name < b.name ? -1 : 1
      );
    } catch (error) {
      const skipped = error instanceof FileError
        ? "something else was put in its place"
        : (error as Error).message;
      return [{ skipped }];
    }
  }

  /** A way to a source through no link. */
  #wayTo(path: string): string {
    const parent = this.#directories.reach(dirname(path));
    if (parent === undefined) {
      throw new FileError(
        `Cannot publish ${this.nameOf(path)}: its directory has gone`,
      );
    }
    return `${parent}/${basename(path)}`;
  }
}

/** What others may do to a directory that lets them swap what is in it. */
const foreignWrite = 0o022;

/** A source that is open. */
export class OpenSource implements Disposable {
  /** Its descriptor. */
  readonly file: number;

  constructor(file: number) {
    this.file = file;
  }

  /** Looks at what is open, whatever its path leads to by now. */
  look(): SourceState {
    return stateOf(fstatSync(this.file, { bigint: true }));
  }

  [Symbol.dispose](): void {
    closeSync(this.file);
  }
}

/** Whether it is the same file, which has not changed. */
export function sameState(a: SourceState, b: SourceState): boolean {
  return a.size === b.size && a.mtime === b.mtime &&
    a.device === b.device && a.inode === b.inode;
}

function stateOf(stat: BigIntStats): SourceState {
  return {
    size: Number(stat.size),
    mtime: timestampFromNanoseconds(stat.mtimeNs),
    mode: Number(stat.mode & 0o7777n),
    device: stat.dev,
    inode: stat.ino,
  };
}

/** Links and devices are passed over, as rsync does when it is not told otherwise. */
function judge(path: string, entry: Deno.DirEntry): Source {
  if (entry.isSymlink) return { path, passedOver: "it is a symbolic link" };
  if (!entry.isFile) return { path, passedOver: "it is no regular file" };
  const skipped = checkPath(path);
  return skipped === undefined ? { path } : { path, skipped };
}

function isDirectory(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    // Missing, or not to be reached: not a directory to us.
    return false;
  }
}
