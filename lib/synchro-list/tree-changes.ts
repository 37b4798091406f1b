/**
 * Reading of a tree only what has changed since the last walk.
 *
 * @module
 */

import type { LinkRule } from "../config/config.ts";
import type { Entry } from "../list/entry.ts";
import { above, ownDirectory } from "../list/path.ts";
import type { Way } from "../list/way.ts";
import type { TreeRequests } from "./tree-names.ts";
import { SftpError } from "../ssh/sftp-error.ts";
import type { Reading } from "../state/reading.ts";
import type { LastWalk, ReadDirectory } from "../state/tree-intake.ts";
import type { SynchronisedList } from "../state/synchronised-list.ts";
import { settle } from "../state/walks.ts";
import { add, emptyOutcome, type Outcome } from "./outcome.ts";
import {
  dateOfFile,
  parallel,
  synchroniseTree,
  treeEntry,
  unreadable,
  wayOfReading,
} from "./tree.ts";
import { type Led, TreeLinks } from "./tree-links.ts";
import { join, refusalOf } from "./tree-path.ts";

/** Directories asked for their dates at the same time: an answer has some 60 bytes. */
const parallelDates = 128;

/** Names that are read at most: where more have changed, a full walk costs no more, and has limits. */
const mostNames = 1_000_000;

/** How a tree is followed. */
export interface FollowOptions {
  readonly rescanMs: number;
  readonly links: LinkRule;
}

/**
 * Takes in what has changed in the tree below `root`. Directories whose date is
 * what it was are not read again, but all of them are once `rescanMs` have gone
 * by since the last full walk, or if anything is not as usual. What a symbolic link
 * leads to changes without the directory that the link is in: where links are
 * followed, that directory is always read, and so is all that they lead to.
 *
 * @throws {UnusableError} See {@link synchroniseTree}.
 */
export async function followTree(
  list: SynchronisedList,
  session: TreeRequests,
  root: string,
  { rescanMs, links }: FollowOptions,
): Promise<Outcome> {
  const way = wayOfReading(root, links);
  const last = list.trees.lastWalk(session.server, way, rescanMs);
  if (last !== undefined) {
    const reading = await list.intake.resume(session.server);
    try {
      return await new Changes({ list, session, root, links, last, reading })
        .read();
    } catch (error) {
      if (!(error instanceof UnusualError)) throw error;
    }
  }
  return await synchroniseTree(list, session, root, { links });
}

/** A full walk has to tell. */
class UnusualError extends Error {}

/** What changes are found with. */
interface Means {
  readonly list: SynchronisedList;
  readonly session: TreeRequests;
  readonly root: string;
  readonly links: LinkRule;
  readonly last: LastWalk;
  readonly reading: Reading;
}

/** A directory and its date. */
interface Found {
  readonly path: string;
  readonly mtime: number;
  /** The links on the way to it; `undefined`: none are followed. */
  readonly way: Way | undefined;
}

/** A directory that was read. */
interface Visit extends ReadDirectory {
  /** Those in it that the last walk had not found. */
  readonly found: readonly Found[];
}

class Changes {
  readonly #means: Means;
  /** In seconds since the epoch. */
  readonly #began = Date.now() / 1_000;
  #names = 0;
  readonly #outcome = emptyOutcome();
  #seq: number;
  #links: TreeLinks | undefined;

  constructor(means: Means) {
    this.#means = means;
    this.#seq = means.last.seq;
  }

  async read(): Promise<Outcome> {
    const { list, reading } = this.#means;
    await this.#begin();
    const waiting = await this.#changed();
    while (waiting.length > 0) {
      const visits = await Promise.all(
        waiting.splice(-parallel).map((directory) => this.#visit(directory)),
      );
      const read = visits.filter((visit) => visit !== undefined);
      add(this.#outcome, list.trees.take(reading, read, this.#seq));
      waiting.push(...read.flatMap(({ found }) => found));
    }
    // Only a full walk looks for these everywhere.
    this.#outcome.notFiles = list.trees.notFiles(reading.server);
    return this.#outcome;
  }

  async #begin(): Promise<void> {
    const { session, root, links } = this.#means;
    if (links === "skip") return;
    try {
      this.#links = await TreeLinks.at(session, root);
    } catch (cause) {
      // A full walk says what is wrong.
      throw cause instanceof SftpError ? new UnusualError() : cause;
    }
  }

  /** Returns the directories of the last walk that have to be read again, but for those that links lead to. */
  async #changed(): Promise<Found[]> {
    const { directories, waiting } = this.#means.last;
    const paths = [...directories.keys()];
    const way = this.#links?.start;
    const changed: Found[] = [];
    const links = new Set<string>();
    for (let at = 0; at < paths.length; at += parallelDates) {
      const some = paths.slice(at, at + parallelDates);
      const dates = await Promise.all(some.map((path) => this.#dateOf(path)));
      for (const [index, path] of some.entries()) {
        const mtime = dates[index];
        if (mtime === "link") links.add(path);
        // One that has gone has changed the one above it.
        if (mtime === undefined || mtime === "link") continue;
        const { mtime: before, settled } = directories.get(path)!;
        if (!settled || before !== mtime || waiting.has(path)) {
          changed.push({ path, mtime, way });
        }
      }
    }
    // The directory that a link is in is read, and says whether it is followed.
    return links.size === 0
      ? changed
      : changed.filter(({ path }) => !above(path).some((at) => links.has(at)));
  }

  /** Returns the date of a directory; `undefined` if there is none any more. */
  async #dateOf(path: string): Promise<number | "link" | undefined> {
    const { session, root } = this.#means;
    const full = join(root, path);
    try {
      const { kind, mtime } = path === ""
        ? await session.stat(full)
        : await session.lstat(full);
      if (kind === "symlink") return "link";
      return kind === "directory" ? mtime : undefined;
    } catch (cause) {
      if (!(cause instanceof SftpError)) throw cause;
      if (path !== "" && cause.code === "no such file") return undefined;
      // A file may be where a directory above it was; a full walk says what is wrong, if anything is.
      throw new UnusualError();
    }
  }

  /** Reads a directory; returns nothing if it has gone. */
  async #visit({ path, mtime, way }: Found): Promise<Visit | undefined> {
    const { session, root, last } = this.#means;
    const entries: Entry[] = [];
    const below: Found[] = [];
    let newest = 0;
    let byLinks = way?.isLinked ?? false;
    const arrive = (each: string, led: Led) => {
      if (led instanceof SftpError) throw new UnusualError();
      if (typeof led === "string") return;
      if ("file" in led) entries.push(treeEntry(++this.#seq, each, led.file));
      else below.push({ path: each, ...led });
    };
    try {
      for await (const names of session.list(join(root, path))) {
        const links: string[] = [];
        this.#names += Math.max(1, names.length);
        if (this.#names > mostNames) throw new UnusualError();
        for (const { name, stat } of names) {
          const each = join(path, name);
          if (each === ownDirectory) continue;
          if (stat instanceof SftpError || refusalOf(each) !== undefined) {
            throw new UnusualError();
          }
          newest = Math.max(newest, dateOfFile(stat));
          if (stat.kind === "file") {
            entries.push(treeEntry(++this.#seq, each, stat));
          } else if (stat.kind === "directory") {
            below.push({ path: each, mtime: stat.mtime, way });
          } else if (stat.kind === "symlink" && way !== undefined) {
            links.push(each);
          }
        }
        if (links.length === 0) continue;
        byLinks = true;
        for await (const some of this.#links!.follow(links, way!)) {
          for (const [each, led] of some) arrive(each, led);
        }
      }
    } catch (cause) {
      if (!(cause instanceof SftpError)) throw cause;
      // It went a moment ago.
      if (path !== "" && cause.code === "no such file") return undefined;
      throw unreadable(session, join(root, path), cause);
    }
    const before = last.directories.get(path);
    return {
      directory: settle(path, mtime, {
        before,
        newest,
        asked: this.#began,
        byLinks,
      }),
      entries,
      subdirectories: below.map(({ path }) => path),
      found: below.filter(({ path, way }) =>
        way?.isLinked || !last.directories.has(path)
      ),
    };
  }
}
