/**
 * The files that a publisher's globs name.
 *
 * An account that may write among the sources could replace one by a link to a file that
 * only the publisher may read. So directories are held open ({@link Directories}),
 * and a file is opened only if it is the one that was looked at.
 *
 * @module
 */

import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { basename, dirname } from "@std/path/posix";
import { globToRegExp } from "@std/path/posix";
import type { SourcesConfig } from "../config/config.ts";
import { Directories, isGone } from "../files/directories.ts";
import { isDirectory, lookAt } from "../files/if-there.ts";
import { FileError, RefusedError } from "../errors.ts";
import type { NotFile } from "../list/not-files.ts";
import { above, checkPath, foreignName, isForeign } from "../list/path.ts";
import { Way } from "../list/way.ts";
import { FollowedLinks } from "./followed-links.ts";
import { reasonOf } from "./reason.ts";

/** A source file, or why what a glob names is not published: because it cannot be, or because it is no file of its own. */
export type Source =
  | { readonly path: string }
  | { readonly path: string; readonly failed: string }
  | { readonly path: string; readonly passedOver: NotFile };

/** Properties that change with each version of a source. */
export interface SourceState {
  readonly size: number;
  /** Its date, in milliseconds since the epoch. */
  readonly modified: number;
  /** Permission bits. */
  readonly mode: number;
  readonly device: number;
  /** As far as a number holds it. */
  readonly inode: number;
}

/** Should it be a FIFO by then, opening it must not wait. */
const readFlags = constants.O_RDONLY | constants.O_NONBLOCK |
  constants.O_NOFOLLOW;

/** Makes a test of an absolute path from a glob of `publish.files`. */
export function compileGlob(glob: string): RegExp {
  return globToRegExp(glob, { extended: false, globstar: true });
}

/** The sources below `publish.base`. */
export class Sources {
  readonly #base: string;
  readonly #into: string;
  readonly #globs: readonly RegExp[];
  readonly #directories: Directories;
  readonly #follows: boolean;
  /** Links that the last walk has followed; `undefined`: links are not followed. */
  #links: FollowedLinks | undefined;

  /** @param through Where the descriptors of this process are found; see {@link Directories}. */
  constructor(
    { files, base, into, links }: SourcesConfig,
    through?: string,
  ) {
    this.#base = base;
    this.#into = into;
    this.#globs = files.map(compileGlob);
    this.#directories = new Directories(base, through);
    this.#follows = links === "follow";
  }

  /**
   * Yields what the globs name below the base, or `only` under these paths:
   * regular files, through no symbolic link but those that are followed, and never
   * the export itself.
   *
   * @throws {RefusedError} If the base is missing: an unmounted disk must not withdraw every file.
   */
  *find(only?: readonly string[]): Generator<Source> {
    if (!isDirectory(this.#base)) {
      throw new RefusedError(
        `Cannot publish from ${this.#base}: it is not a directory; nothing was withdrawn`,
        { hint: "check that its file system is mounted" },
      );
    }
    if (this.#follows) this.#links = new FollowedLinks(this.#base, this.#into);
    if (only === undefined) yield* this.#walk("", this.#links?.start);
    else for (const path of outermost(only)) yield* this.#findAt(path);
  }

  /** Yields what is under a path, whatever it is by now. */
  *#findAt(path: string): Generator<Source> {
    const source = this.nameOf(path);
    if (source === this.#into || source.startsWith(`${this.#into}/`)) return;
    let there: Deno.FileInfo | undefined;
    try {
      there = lookAt(this.#wayTo(path));
    } catch (error) {
      // Its directory has gone, or a link is in its place: so has the source.
      if (error instanceof FileError) return;
      throw error;
    }
    if (there?.isDirectory) yield* this.#walk(path);
    else if (there !== undefined && this.#isNamed(source)) {
      yield judge(path, there);
    }
  }

  #isNamed(source: string): boolean {
    return this.#globs.some((glob) => glob.test(source));
  }

  /** The path of a source, for people. */
  nameOf(path: string): string {
    return this.#base === "/" ? `/${path}` : `${this.#base}/${path}`;
  }

  /**
   * Looks at a source by its path, which takes less time: enough to tell that there
   * is nothing to do.
   *
   * @throws {FileError} If it is not a regular file, or not there.
   */
  glance(path: string): SourceState {
    return stateAt(this.placeOf(path));
  }

  /** Returns the real place of a source, past the links that are followed. */
  placeOf(path: string): string {
    return this.nameOf(this.#links?.placeOf(path) ?? path);
  }

  /** Looks at a source through no link, for whoever is going to copy it; throws as {@link glance}. */
  look(path: string): SourceState {
    return stateAt(this.#wayTo(path));
  }

  /**
   * Opens what was seen under `path`; returns `undefined` if it has changed since, or another file is there.
   * By its plain path: Deno resolves each one that it opens, and a way through a
   * descriptor takes three times as long. What was opened must be what was seen.
   */
  open(path: string, seen: SourceState): OpenSource | undefined {
    let opened: OpenSource;
    try {
      opened = new OpenSource(openSync(this.placeOf(path), readFlags));
    } catch (error) {
      if (isGone(error)) return undefined;
      throw error;
    }
    if (sameState(opened.look(), seen)) return opened;
    opened[Symbol.dispose]();
    return undefined;
  }

  /** Tells whether only this account and root can put another file under `path`. */
  isOurs(path: string): boolean {
    const place = this.#links?.placeOf(path) ?? path;
    for (let at = dirname(place);; at = dirname(at)) {
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

  *#walk(below: string, way?: Way): Generator<Source> {
    const entries = this.#read(below);
    const isEmpty = entries.length === 0 && below !== "";
    if (isEmpty && this.#isNamed(this.nameOf(below))) {
      yield { path: below, passedOver: "empty" };
    }
    for (const entry of entries) {
      if ("failed" in entry) {
        yield { path: below, failed: entry.failed };
        continue;
      }
      const path = below === "" ? entry.name : `${below}/${entry.name}`;
      const source = this.nameOf(path);
      if (source === this.#into) continue;
      if (way !== undefined && this.#links!.isExport(path, way)) continue;
      if (entry.isDirectory && isForeign(path)) {
        yield { path, failed: foreignName };
      } else if (entry.isDirectory) yield* this.#walk(path, way);
      else if (entry.isSymlink && way !== undefined) {
        yield* this.#follow(path, way);
      } else if (this.#isNamed(source)) {
        yield judge(path, entry);
      }
    }
  }

  *#follow(path: string, way: Way): Generator<Source> {
    const led = this.#links!.follow(path, way);
    if (led instanceof Way) yield* this.#walk(path, led);
    // It may be a directory of sources: then it says nothing of what is in it.
    else if (typeof led === "object") yield { path, ...led };
    else if (!this.#isNamed(this.nameOf(path))) return;
    else if (led === "file") {
      yield judge(path, { isFile: true, isSymlink: false });
    } else yield { path, passedOver: led };
  }

  #read(directory: string): (Deno.DirEntry | { failed: string })[] {
    try {
      const place = this.#links?.placeOf(directory) ?? directory;
      const way = this.#directories.reach(place === "" ? "." : place);
      if (way === undefined) return [{ failed: "it no longer exists" }];
      // Sorted, so that the same tree makes the same list.
      return [...Deno.readDirSync(way)].sort((a, b) =>
        a.name < b.name ? -1 : 1
      );
    } catch (error) {
      const failed = error instanceof FileError
        ? "it is no longer a directory"
        : reasonOf(error);
      return [{ failed }];
    }
  }

  /** A way to a source through no link. */
  #wayTo(path: string): string {
    const place = this.#links?.placeOf(path) ?? path;
    const parent = this.#directories.reach(dirname(place));
    if (parent === undefined) {
      throw new FileError("its directory no longer exists");
    }
    return `${parent}/${basename(place)}`;
  }
}

/** Permission bits, with setuid, setgid and sticky. */
const permissions = 0o7777;

/** Permissions that let others replace the contents of a directory. */
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
    const { size, mtimeMs, mode, dev, ino } = fstatSync(this.file);
    return {
      size,
      modified: mtimeMs,
      mode: mode & permissions,
      device: dev,
      inode: ino,
    };
  }

  [Symbol.dispose](): void {
    closeSync(this.file);
  }
}

function stateAt(path: string): SourceState {
  const { isFile, size, mtime, mode, dev, ino } = Deno.lstatSync(path);
  if (!isFile) throw new FileError("it is not a regular file");
  return {
    size,
    modified: mtime!.getTime(),
    mode: mode! & permissions,
    device: dev,
    inode: ino!,
  };
}

/** Tells whether it is the same, unchanged file. */
export function sameState(a: SourceState, b: SourceState): boolean {
  return a.size === b.size && a.modified === b.modified &&
    a.device === b.device && a.inode === b.inode;
}

/** Links and devices are passed over, as rsync does when it is not told otherwise. */
function judge(
  path: string,
  entry: Pick<Deno.DirEntry, "isFile" | "isSymlink">,
): Source {
  if (entry.isSymlink) return { path, passedOver: "links" };
  if (!entry.isFile) return { path, passedOver: "special" };
  const failed = isForeign(path) ? foreignName : checkPath(path);
  return failed === undefined ? { path } : { path, failed };
}

/** Returns the paths that lie below no other one. */
function outermost(paths: readonly string[]): string[] {
  const all = new Set(paths);
  return [...all].filter((path) => !above(path).some((each) => all.has(each)))
    .sort();
}
