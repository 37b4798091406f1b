/**
 * Walking the tree of a server that publishes no list.
 *
 * @module
 */

import type { LinkRule } from "../config/config.ts";
import { UnusableError } from "../errors.ts";
import type { NotFile } from "../list/not-files.ts";
import type { Entry } from "../list/entry.ts";
import { ownDirectory } from "../list/path.ts";
import type { Way } from "../list/way.ts";
import type { FileStat } from "../ssh/file-stat.ts";
import type { TreeRequests } from "./tree-names.ts";
import type { DirectoryEntry } from "../ssh/session.ts";
import { SftpError } from "../ssh/sftp-error.ts";
import type { SynchronisedList } from "../state/synchronised-list.ts";
import { settle, type WalkedDirectory } from "../state/walks.ts";
import { timestampFromSeconds } from "../text/timestamp.ts";
import {
  add,
  emptyOutcome,
  type Outcome,
  passOver,
  refuse,
} from "./outcome.ts";
import { type Led, TreeLinks } from "./tree-links.ts";
import { join, refusalOf } from "./tree-path.ts";

/** Directories read at the same time: an answer has at most some 256 KiB. */
export const parallel = 16;

/** Entries taken into the synchronised list in one transaction. */
const batch = 5_000;

/** What a walk takes at most: a directory may never end, nor may directories in directories. */
export interface WalkLimits {
  /** Names, of whatever kind. */
  readonly names: number;
  /** Characters in the paths of the directories that are still to be read: memory. */
  readonly waiting: number;
  /** Time for one directory: an endless one need not be a fast one. */
  readonly directoryMs: number;
  /** Time for all of them. */
  readonly walkMs: number;
}
const hour = 3_600_000;
const walkLimits: WalkLimits = {
  names: 20_000_000,
  waiting: 100_000_000,
  directoryMs: hour,
  walkMs: 24 * hour,
};

/** How a tree is walked. */
export interface WalkOptions {
  readonly limits?: WalkLimits;
  /** @default "skip" */
  readonly links?: LinkRule;
}

/**
 * Walks all directories below `root` and takes in every regular file. Symbolic
 * links are passed over, or followed where they lead below the root and in no circle
 * ({@link Way}). They are counted, and so are devices and empty directories.
 *
 * @throws {UnusableError} If a directory cannot be read: half a walk must not
 *   look like a withdrawal of the other half. Or if the walk does not end.
 */
export async function synchroniseTree(
  list: SynchronisedList,
  session: TreeRequests,
  root: string,
  { limits = walkLimits, links = "skip" }: WalkOptions = {},
): Promise<Outcome> {
  const outcome = emptyOutcome();
  const at = Date.now() / 1_000;
  const before = list.trees.walkedDirectories(session.server);
  const walked: WalkedDirectory[] = [];
  const reading = list.intake.begin(session.server, null);
  let entries: Entry[] = [];
  let seq = 0;

  function take() {
    const refusals = outcome.unsaved.splice(0);
    add(outcome, list.intake.take(reading, entries, undefined, refusals));
    entries = [];
  }

  const walk = new Walk(session, root, {
    limits,
    links,
    refuse: (reason, path) => refuse(outcome, { line: 0, path, reason }),
    onOther: (path, kind) => passOver(outcome, { path, kind }),
    onFile(path, stat) {
      entries.push(treeEntry(++seq, path, stat));
      if (entries.length >= batch) take();
    },
    onDirectory(path, mtime, newest, byLinks) {
      if (walked.length > mostRemembered) return;
      walked.push(
        settle(path, mtime, {
          before: before.get(path),
          newest,
          asked: at,
          byLinks,
        }),
      );
    },
  });
  await walk.run();
  take();
  outcome.appeared = list.trees.passOver(session.server, outcome);
  // A file is there, whatever is said of it: without its name, it would look withdrawn.
  if (!walk.metUnknown) await list.intake.complete(reading);
  if (outcome.refusedCount === 0 && walked.length <= mostRemembered) {
    const way = wayOfReading(root, links);
    list.trees.walked(reading, { root: way, at, seq }, walked);
  }
  return outcome;
}

/** What the last walk must have walked for the next one to go by it. */
export function wayOfReading(root: string, links: LinkRule): string {
  return links === "skip" ? root : `${links}:${root}`;
}

/** Directories that are remembered at most, so that they need not be read again. */
const mostRemembered = 1_000_000;

/** A file of a tree, which knows no other date than that of its files. */
export function treeEntry(seq: number, path: string, stat: FileStat): Entry {
  const mtime = timestampFromSeconds(stat.mtime);
  return {
    seq,
    op: "+",
    published: mtime,
    mtime,
    size: stat.size,
    mode: stat.mode & 0o7777,
    digest: null,
    path,
  };
}

/** Hears of what a walk finds. */
interface Finder {
  readonly limits: WalkLimits;
  readonly links: LinkRule;
  readonly onFile: (path: string, stat: FileStat) => void;
  /** Hears of a directory that was read: its date before that, the newest one of a file in it, and whether links have to do with it. */
  readonly onDirectory: (
    path: string,
    mtime: number,
    newest: number,
    byLinks: boolean,
  ) => void;
  readonly refuse: (reason: string, path: string) => void;
  readonly onOther: (path: string, kind: NotFile) => void;
}

/** A directory that is still to be read. */
interface Waiting {
  readonly path: string;
  readonly mtime: number;
  /** The links on the way to it; `undefined`: none are followed. */
  readonly way: Way | undefined;
}

/** A walk through all directories below a root, several at a time. */
class Walk {
  /** Whether there was a name of which the server did not tell what it is, or what it said cannot be. */
  metUnknown = false;
  readonly #session: TreeRequests;
  readonly #root: string;
  readonly #finder: Finder;
  #links: TreeLinks | undefined;
  /** Directories that are still to be read, those found last first. */
  readonly #waiting: Waiting[] = [];
  /** Characters in their paths. */
  #waitingLength = 0;
  #names = 0;
  readonly #started = performance.now();

  constructor(session: TreeRequests, root: string, finder: Finder) {
    this.#session = session;
    this.#root = root;
    this.#finder = finder;
  }

  async run(): Promise<void> {
    this.#await(await this.#begin());
    while (this.#waiting.length > 0) {
      const directories = this.#waiting.splice(-parallel);
      for (const each of directories) this.#waitingLength -= lengthOf(each);
      await Promise.all(directories.map((each) => this.#visit(each)));
    }
  }

  async #begin(): Promise<Waiting> {
    try {
      const { mtime } = await this.#session.stat(this.#root);
      if (this.#finder.links === "follow") {
        this.#links = await TreeLinks.at(this.#session, this.#root);
      }
      return { path: "", mtime, way: this.#links?.start };
    } catch (cause) {
      throw cause instanceof SftpError
        ? unreadable(this.#session, this.#root, cause)
        : cause;
    }
  }

  #await(directory: Waiting): void {
    this.#waiting.push(directory);
    this.#waitingLength += lengthOf(directory);
  }

  async #visit({ path: directory, mtime, way }: Waiting): Promise<void> {
    const path = join(this.#root, directory);
    const started = performance.now();
    let newest = 0;
    let isEmpty = directory !== "";
    let byLinks = way?.isLinked ?? false;
    try {
      for await (const names of this.#session.list(path)) {
        if (names.length > 0) isEmpty = false;
        this.#names += Math.max(1, names.length);
        const links: string[] = [];
        for (const { name, stat } of names) {
          const each = join(directory, name);
          if (this.#meet(each, stat, way)) links.push(each);
          newest = Math.max(newest, dateOfFile(stat));
        }
        this.#bound(path, started);
        if (links.length === 0) continue;
        byLinks = true;
        for await (const some of this.#links!.follow(links, way!)) {
          for (const [each, led] of some) this.#arrive(each, led);
          this.#bound(path, started);
        }
      }
    } catch (cause) {
      throw cause instanceof SftpError
        ? unreadable(this.#session, path, cause)
        : cause;
    }
    this.#finder.onDirectory(directory, mtime, newest, byLinks);
    if (isEmpty) this.#finder.onOther(directory, "empty");
  }

  /** Takes note of a name; returns whether it is a link that is to be followed. */
  #meet(
    path: string,
    stat: DirectoryEntry["stat"],
    way: Way | undefined,
  ): boolean {
    const { refuse, onFile, onOther } = this.#finder;
    if (path === ownDirectory) return false;
    if (stat instanceof SftpError) this.metUnknown = true;
    const reason = refusalOf(path);
    if (reason !== undefined) refuse(`${path}: ${reason}`, path);
    else if (stat instanceof SftpError) refuse(stat.message, path);
    else if (stat.kind === "file") onFile(path, stat);
    else if (stat.kind === "directory") {
      this.#await({ path, mtime: stat.mtime, way });
    } else if (stat.kind === "other") onOther(path, "special");
    else if (way !== undefined) return true;
    else onOther(path, "links");
    return false;
  }

  /** Takes note of what a link leads to. */
  #arrive(path: string, led: Led): void {
    const { refuse, onFile, onOther } = this.#finder;
    if (led instanceof SftpError) {
      // It may be a file that is here: without its name, it would look withdrawn.
      this.metUnknown = true;
      refuse(led.message, path);
    } else if (typeof led === "string") onOther(path, led);
    else if ("file" in led) onFile(path, led.file);
    else this.#await({ path, ...led });
  }

  #bound(directory: string, started: number): void {
    const { names, waiting, directoryMs, walkMs } = this.#finder.limits;
    const now = performance.now();
    if (this.#names > names || this.#waitingLength > waiting) {
      throw this.#endless(this.#root, `${this.#names} names`);
    }
    if (now - started > directoryMs) {
      throw this.#endless(directory, `${directoryMs / 1_000} s`);
    }
    if (now - this.#started > walkMs) {
      throw this.#endless(this.#root, `${walkMs / 1_000} s`);
    }
  }

  #endless(what: string, after: string): UnusableError {
    return new UnusableError(
      `Cannot walk ${what} on ${this.#session.server}: it has not ended after ${after}`,
      { hint: 'publish a list: run "relais publish --once" there' },
    );
  }
}

/** Characters that it takes to remember a directory. */
function lengthOf({ path, way }: Waiting): number {
  return path.length + (way?.length ?? 0);
}

/** The directory cannot be read, and so nothing can be said of the tree. */
export function unreadable(
  { server }: Pick<TreeRequests, "server">,
  directory: string,
  cause: SftpError,
): UnusableError {
  return new UnusableError(
    `Cannot walk ${directory} on ${server}: ${cause.reason}`,
    { cause, hint: "check its owner, permissions and file system there" },
  );
}

/** The date of a file; 0 for all else, whose date says nothing of files. */
export function dateOfFile(stat: DirectoryEntry["stat"]): number {
  return !(stat instanceof SftpError) && stat.kind === "file" ? stat.mtime : 0;
}
