/**
 * Walking the tree of a server that publishes no list.
 *
 * @module
 */

import { UnusableError } from "../errors.ts";
import type { Entry } from "../list/entry.ts";
import { checkPath, ownDirectory } from "../list/path.ts";
import {
  type DirectoryEntry,
  type FileStat,
  SftpError,
  type SftpSession,
} from "../ssh/session.ts";
import type { SynchronisedList } from "../state/synchronised-list.ts";
import { timestampFromSeconds } from "../timestamp.ts";
import { add, emptyOutcome, type Outcome, refuse } from "./outcome.ts";

/** Directories read at the same time. */
const parallel = 16;

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
 * links and devices are passed over, so that a walk cannot go round in circles.
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
  const reading = list.begin(session.server, null);
  let entries: Entry[] = [];
  let seq = 0;

  function take() {
    const refusals = outcome.unsaved.splice(0);
    add(outcome, list.take(reading, entries, undefined, refusals));
    entries = [];
  }

  const walk = new Walk(session, root, {
    limits,
    refuse: (reason, path) => refuse(outcome, { line: 0, path, reason }),
    onFile(path, stat) {
      const mtime = timestampFromSeconds(stat.mtime);
      entries.push({
        seq: ++seq,
        op: "+",
        // A tree knows no other date than that of its files.
        published: mtime,
        mtime,
        size: stat.size,
        mode: stat.mode & 0o7777,
        digest: null,
        path,
      });
      if (entries.length >= batch) take();
    },
  });
  await walk.run();
  take();
  // A file is there, whatever is said of it: without its name, it would look withdrawn.
  if (!walk.metImpossible) await list.complete(reading);
  return outcome;
}

/** Hears of what a walk finds. */
interface Finder {
  readonly limits: WalkLimits;
  readonly onFile: (path: string, stat: FileStat) => void;
  readonly refuse: (reason: string, path: string) => void;
}

/** A walk through all directories below a root, several at a time. */
class Walk {
  /** Whether the server said of a file what cannot be. */
  metImpossible = false;
  readonly #session: SftpSession;
  readonly #root: string;
  readonly #finder: Finder;
  /** Directories that are still to be read, those found last first. */
  readonly #waiting: string[] = [""];
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
    while (this.#waiting.length > 0) {
      const directories = this.#waiting.splice(-parallel);
      for (const path of directories) this.#waitingLength -= path.length;
      await Promise.all(directories.map((path) => this.#visit(path)));
    }
  }

  async #visit(directory: string): Promise<void> {
    const path = join(this.#root, directory);
    const started = performance.now();
    try {
      for await (const names of this.#session.list(path)) {
        this.#names += Math.max(1, names.length);
        for (const { name, stat } of names) {
          this.#meet(join(directory, name), stat);
        }
        this.#bound(path, started);
      }
    } catch (cause) {
      throw cause instanceof SftpError ? this.#unreadable(path, cause) : cause;
    }
  }

  #meet(path: string, stat: DirectoryEntry["stat"]): void {
    const { refuse, onFile } = this.#finder;
    if (path === ownDirectory) return;
    if (stat instanceof SftpError) this.metImpossible = true;
    const reason = depth(path) > deepest ? "too deep" : checkPath(path);
    if (reason !== undefined) refuse(`${path}: ${reason}`, path);
    else if (stat instanceof SftpError) refuse(stat.message, path);
    else if (stat.kind === "file") onFile(path, stat);
    else if (stat.kind === "directory") {
      this.#waiting.push(path);
      this.#waitingLength += path.length;
    }
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

  #unreadable(directory: string, cause: SftpError): UnusableError {
    return new UnusableError(
      `Cannot walk ${directory} on ${this.#session.server}: ${cause.reason}`,
      { cause, hint: "check its owner, permissions and file system there" },
    );
  }

  #endless(what: string, after: string): UnusableError {
    return new UnusableError(
      `Cannot walk ${what} on ${this.#session.server}: there is no end of it after ${after}`,
      { hint: 'publish a list there with "relais publish"' },
    );
  }
}

function join(directory: string, name: string): string {
  return directory === "" ? name : `${directory}/${name}`;
}

function depth(path: string): number {
  return path.split("/").length;
}
