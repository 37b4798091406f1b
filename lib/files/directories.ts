/**
 * The directories below a root, reached through no symbolic link.
 *
 * Looking at each part of a path before it is used leaves a moment in which
 * somebody can swap a directory against a link. openat(2) would not, but Deno
 * has none. Linux has another name for a directory that is held open,
 * `/proc/self/fd/7`: what is asked for below that name is looked up in the
 * directory itself, whatever has become of its path.
 *
 * @module
 */

import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { basename, dirname } from "@std/path/posix";
import { FileError } from "../errors.ts";
import { lookAt } from "./if-there.ts";

/** Directories held at a time: a process may have 1024 descriptors. */
const mostHeld = 128;

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;

/** Options for making directories. */
export interface MakeOptions {
  /** Their rights, but for what the umask takes away. */
  readonly mode: number;
  /** Hears of each one that was made, and of a way to it. */
  readonly onMade?: (directory: string, way: string) => void;
}

/** Ways to the directories below a root. */
export class Directories {
  readonly #root: string;
  readonly #descriptors: string | undefined;
  /** Descriptors by path below the root, those reached longest ago first. */
  readonly #held = new Map<string, number>();

  /**
   * @param through Where {@link descriptors} are found: Deno lets only who may do
   *   anything near /proc, and everybody else needs a link to it. Without it each
   *   part of a path is looked at right before it is used.
   */
  constructor(root: string, through?: string) {
    this.#root = root;
    this.#descriptors = through;
  }

  /**
   * Returns a path that leads to `directory` (`.`, or as in `a/b`) and nowhere
   * else until the next but some calls; `undefined` if there is none.
   *
   * @throws {FileError} If a link or a file is in the way.
   */
  reach(directory: string): string | undefined {
    if (this.#descriptors === undefined) return this.#lookAlong(directory);
    const held = this.#held.get(directory) ?? this.#open(directory);
    if (held === undefined) return undefined;
    // What was reached last is let go of last.
    this.#held.delete(directory);
    this.#held.set(directory, held);
    this.#letGo(mostHeld);
    return `${this.#descriptors}/${held}`;
  }

  /** Does what {@link reach} does, and makes what is missing. */
  make(directory: string, options: MakeOptions): string {
    const there = this.reach(directory);
    if (there !== undefined) return there;
    const above = this.make(dirname(directory), options);
    const isOurs = make(`${above}/${basename(directory)}`, options.mode);
    const made = this.reach(directory);
    if (made === undefined) throw swapped(directory);
    if (isOurs) options.onMade?.(directory, made);
    return made;
  }

  /** Tells whether directories are held open. */
  get holds(): boolean {
    return this.#descriptors !== undefined;
  }

  /** Returns a path that leads to an open file, and to nothing else; `undefined` if there are none. */
  nameOf(descriptor: number): string | undefined {
    return this.holds ? `${this.#descriptors}/${descriptor}` : undefined;
  }

  /** Lets go of all directories: they are looked up again. */
  release(): void {
    this.#letGo(0);
  }

  /** Looks at each part of `directory`. */
  #lookAlong(directory: string): string | undefined {
    if (directory === ".") return this.#root;
    const above = this.#lookAlong(dirname(directory));
    if (above === undefined) return undefined;
    const path = `${above}/${basename(directory)}`;
    const there = lookAt(path);
    if (there === undefined) return undefined;
    if (!there.isDirectory) throw inTheWay(directory, directory, there);
    return path;
  }

  #open(directory: string): number | undefined {
    if (directory === ".") {
      // Whether the root is a link is the administrator's business.
      return openSync(this.#root, O_RDONLY | O_DIRECTORY);
    }
    const above = this.reach(dirname(directory));
    if (above === undefined) return undefined;
    const path = `${above}/${basename(directory)}`;
    const there = lookAt(path);
    if (there === undefined) return undefined;
    if (!there.isDirectory) throw inTheWay(directory, directory, there);
    const opened = openThere(path, there, O_RDONLY | O_DIRECTORY);
    if (opened === undefined) throw swapped(directory);
    return opened;
  }

  #letGo(most: number): void {
    for (const [directory, held] of this.#held) {
      if (this.#held.size <= most) return;
      this.#held.delete(directory);
      closeSync(held);
    }
  }
}

/** Makes a directory; returns false if somebody else did. */
function make(path: string, mode: number): boolean {
  try {
    Deno.mkdirSync(path, { mode });
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  }
}

/**
 * Opens what was seen under `path`; returns `undefined` if it is there no more.
 * O_NOFOLLOW does not do it: where permissions are few, Deno follows links itself
 * before it opens a path.
 */
export function openThere(
  path: string,
  seen: Deno.FileInfo,
  flags: number,
): number | undefined {
  let opened: number;
  try {
    opened = openSync(path, flags | O_NOFOLLOW);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
  const { dev, ino } = fstatSync(opened);
  if (dev === seen.dev && ino === seen.ino) return opened;
  closeSync(opened);
  return undefined;
}

/** Tells whether opening failed because another thing is there than was seen. */
export function isGone(error: unknown): boolean {
  return gone.has((error as { code: string }).code);
}

const gone = new Set(["ENOENT", "ENOTDIR", "ELOOP", "ENXIO"]);

/** Something else lies where a file or its directory should be. It may go: then the file can come. */
export class BlockedError extends FileError {
  /** The obstacle, as in `a/b is a directory`. */
  readonly blocked: string;

  constructor(path: string, blocked: string) {
    super(`Cannot place ${path}: ${blocked} on the replica`, {
      hint:
        'move it away, or exclude the path; with replica.delete = "remove" or "trash", files that a server withdrew are removed',
    });
    this.blocked = blocked;
  }
}

/** Says that something is `at` where it must not be for `path`. */
export function inTheWay(
  path: string,
  at: string,
  there: Deno.FileInfo | undefined,
): BlockedError {
  const kind = there?.isDirectory
    ? "a directory"
    : there?.isFile
    ? "a file"
    : "a symbolic link or a device";
  return new BlockedError(path, `${at} is ${kind}`);
}

function swapped(directory: string): FileError {
  return new FileError(
    `Cannot use ${directory}: another process moved it`,
    { retriable: true },
  );
}
