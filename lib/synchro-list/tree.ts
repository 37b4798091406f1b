/**
 * Walking the tree of a server that publishes no list.
 *
 * @module
 */

import { UnusableError } from "../errors.ts";
import type { NotFile } from "../list/not-files.ts";
import type { Entry } from "../list/entry.ts";
import {
  checkPath,
  foreignName,
  isForeign,
  ownDirectory,
} from "../list/path.ts";
import {
  type DirectoryEntry,
  type FileStat,
  SftpError,
  type SftpSession,
} from "../ssh/session.ts";
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

/** Directories read at the same time: an answer has at most some 256 KiB. */
export const parallel = 16;

/** Entries taken into the synchronised list in one transaction. */
const batch = 5_000;

/** No deeper: a path has at most 4096 bytes. */
const deepest = 2_048;

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

/**
 * Walks all directories below `root` and takes in every regular file. Symbolic
 * links and devices are passed over, so that a walk cannot go round in circles; they
 * are counted, and so are empty directories.
 *
 * @throws {UnusableError} If a directory cannot be read: half a walk must not
 *   look like a withdrawal of the other half. Or if the walk does not end.
 */
export async function synchroniseTree(
  list: SynchronisedList,
  session: SftpSession,
  root: string,
  limits = walkLimits,
): Promise<Outcome> {
  const outcome = emptyOutcome();
  const at = Date.now() / 1_000;
  const before = list.intake.walkedDirectories(session.server);
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
    refuse: (reason, path) => refuse(outcome, { line: 0, path, reason }),
    onOther: (path, kind) => passOver(outcome, { path, kind }),
    onFile(path, stat) {
      entries.push(treeEntry(++seq, path, stat));
      if (entries.length >= batch) take();
    },
    onDirectory(path, mtime, newest) {
      if (walked.length > mostRemembered) return;
      walked.push(
        settle(path, mtime, { before: before.get(path), newest, asked: at }),
      );
    },
  });
  await walk.run();
  take();
  outcome.appeared = list.intake.passOver(session.server, outcome);
  // A file is there, whatever is said of it: without its name, it would look withdrawn.
  if (!walk.metImpossible) await list.intake.complete(reading);
  if (outcome.refusedCount === 0 && walked.length <= mostRemembered) {
    list.intake.walked(reading, { root, at, seq }, walked);
  }
  return outcome;
}

/** Directories that are remembered at most, so that they need not be read again. */
const mostRemembered = 1_000_000;

/** A file of a tree, which knows no other date than that of its files. */
export function treeEntry(seq: number, path: string, stat: FileStat): Entry {
  const mtime = timestampFromSeconds(stat.mtime);
  return {
    ...{ seq, op: "+", published: mtime, mtime, size: stat.size },
    ...{ mode: stat.mode & 0o7777, digest: null, path },
  };
}

/** Hears of what a walk finds. */
interface Finder {
  readonly limits: WalkLimits;
  readonly onFile: (path: string, stat: FileStat) => void;
  /** Hears of a directory that was read: its date before that, and the newest one of a file in it. */
  readonly onDirectory: (path: string, mtime: number, newest: number) => void;
  readonly refuse: (reason: string, path: string) => void;
  readonly onOther: (path: string, kind: NotFile) => void;
}

/** A walk through all directories below a root, several at a time. */
class Walk {
  /** Whether the server said of a file what cannot be. */
  metImpossible = false;
  readonly #session: SftpSession;
  readonly #root: string;
  readonly #finder: Finder;
  /** Directories that are still to be read, with their dates, those found last first. */
  readonly #waiting: { path: string; mtime: number }[] = [];
  /** Characters in their paths. */
  #waitingLength = 0;
  #names = 0;
  readonly #started = performance.now();

  constructor(session: SftpSession, root: string, finder: Finder) {
    this.#session = session;
    this.#root = root;
    this.#finder = finder;
  }

  async run(): Promise<void> {
    this.#waiting.push({ path: "", mtime: await this.#dateOfRoot() });
    while (this.#waiting.length > 0) {
      const directories = this.#waiting.splice(-parallel);
      for (const { path } of directories) this.#waitingLength -= path.length;
      await Promise.all(
        directories.map(({ path, mtime }) => this.#visit(path, mtime)),
      );
    }
  }

  async #dateOfRoot(): Promise<number> {
    try {
      return (await this.#session.stat(this.#root)).mtime;
    } catch (cause) {
      throw cause instanceof SftpError
        ? unreadable(this.#session, this.#root, cause)
        : cause;
    }
  }

  async #visit(directory: string, mtime: number): Promise<void> {
    const path = join(this.#root, directory);
    const started = performance.now();
    let newest = 0;
    let isEmpty = directory !== "";
    try {
      for await (const names of this.#session.list(path)) {
        if (names.length > 0) isEmpty = false;
        this.#names += Math.max(1, names.length);
        for (const { name, stat } of names) {
          this.#meet(join(directory, name), stat);
          newest = Math.max(newest, dateOfFile(stat));
        }
        this.#bound(path, started);
      }
    } catch (cause) {
      throw cause instanceof SftpError
        ? unreadable(this.#session, path, cause)
        : cause;
    }
    this.#finder.onDirectory(directory, mtime, newest);
    if (isEmpty) this.#finder.onOther(directory, "empty");
  }

  #meet(path: string, stat: DirectoryEntry["stat"]): void {
    const { refuse, onFile, onOther } = this.#finder;
    if (path === ownDirectory) return;
    if (stat instanceof SftpError) this.metImpossible = true;
    const reason = refusalOf(path);
    if (reason !== undefined) refuse(`${path}: ${reason}`, path);
    else if (stat instanceof SftpError) refuse(stat.message, path);
    else if (stat.kind === "file") onFile(path, stat);
    else if (stat.kind === "directory") {
      this.#waiting.push({ path, mtime: stat.mtime });
      this.#waitingLength += path.length;
    } else onOther(path, stat.kind === "symlink" ? "links" : "special");
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
      `Cannot walk ${what} on ${this.#session.server}: there is no end of it after ${after}`,
      { hint: 'publish a list there with "relais publish"' },
    );
  }
}

/** The directory cannot be read, and so nothing can be said of the tree. */
export function unreadable(
  { server }: Pick<SftpSession, "server">,
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

export function join(directory: string, name: string): string {
  return directory === "" ? name : `${directory}/${name}`;
}

/** Why a path of a tree is refused; `undefined` if it is not. */
export function refusalOf(path: string): string | undefined {
  if (depth(path) > deepest) return "too deep";
  return isForeign(path) ? foreignName : checkPath(path);
}

function depth(path: string): number {
  return path.split("/").length;
}
