/**
 * Taking in trees, directory by directory: servers without a list.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import type { Entry } from "../list/entry.ts";
import type { NotFiles } from "../list/not-files.ts";
import { sameVersion } from "../list/version.ts";
import { transaction } from "./database.ts";
import type { EntryIntake } from "./entry-intake.ts";
import type { Intake, ListRow, Taken } from "./intake.ts";
import type { EntryRow, Filter } from "./judge.ts";
import {
  countPassedOver,
  keepPassedOver,
  type PassedOver,
} from "./passed-over.ts";
import type { Reading } from "./reading.ts";
import type { Statements } from "./statements.ts";
import type { Walk, WalkedDirectory, Walks } from "./walks.ts";

/** Results of the last walk of a tree that the next one can use. */
export interface LastWalk {
  /** The highest number of an entry. */
  readonly seq: number;
  readonly directories: ReadonlyMap<string, WalkedDirectory>;
  /** Directories with files that are still to be fetched: they may be written to. */
  readonly waiting: ReadonlySet<string>;
}

/** A directory of a tree that was read. */
export interface ReadDirectory {
  readonly directory: WalkedDirectory;
  readonly entries: readonly Entry[];
  /** Paths below the root. */
  readonly subdirectories: readonly string[];
}

/** Parts that taking a tree in works with. */
export interface TreeTools {
  readonly filter: Filter;
  readonly statements: Statements;
  readonly intake: Intake;
  readonly entries: EntryIntake;
  readonly walks: Walks;
  /** See {@link Naming}. */
  readonly charset: string | null;
}

/** Takes in what lies in the tree of each server that has no list. */
export class TreeIntake {
  readonly #db: DatabaseSync;
  readonly #filter: Filter;
  readonly #statements: Statements;
  readonly #intake: Intake;
  readonly #entries: EntryIntake;
  readonly #walks: Walks;
  readonly #charset: string | null;

  constructor(db: DatabaseSync, tools: TreeTools) {
    this.#db = db;
    this.#filter = tools.filter;
    this.#statements = tools.statements;
    this.#intake = tools.intake;
    this.#entries = tools.entries;
    this.#walks = tools.walks;
    this.#charset = tools.charset;
  }

  /** Keeps what lies in the tree of `server` and is no file; returns what is new of it. */
  passOver(
    server: string,
    { passedOver, notFiles }: {
      readonly passedOver: readonly PassedOver[];
      readonly notFiles: NotFiles;
    },
  ): PassedOver[] {
    return keepPassedOver(this.#db, server, passedOver, notFiles);
  }

  /** Returns the number of skipped files in the tree of `server`, by kind, from its last full walk. */
  notFiles(server: string): NotFiles {
    return countPassedOver(this.#db, server);
  }

  /**
   * Returns what the last walk of a server's tree found, by which the next one
   * needs to read only what has changed; `undefined` if it has to read all.
   */
  lastWalk(
    server: string,
    root: string,
    rescanMs: number,
  ): LastWalk | undefined {
    const row = this.#statements.list.get({ server }) as ListRow | undefined;
    const walk = this.#walks.last(server);
    if (row === undefined || walk === undefined) return undefined;
    const age = Date.now() / 1_000 - walk.at;
    const holds = row.generation === null && row.reading === row.complete &&
      row.reading === walk.reading && walk.root === root &&
      row.filters === this.#filter.fingerprint &&
      // Names that are made readable are not those of the directories.
      row.charset === null && this.#charset === null &&
      // The clock may have been set meanwhile.
      age >= 0 && age * 1_000 < rescanMs;
    if (!holds) return undefined;
    const wanted = this.#statements.wantedPaths.all({ server }) as {
      path: string;
    }[];
    return {
      seq: walk.seq,
      directories: this.#walks.directories(server),
      waiting: new Set(wanted.map(({ path }) => parentOf(path))),
    };
  }

  /** Notes a walk that came to its end, in which nothing was refused. */
  walked(
    { server, number }: Reading,
    walk: Omit<Walk, "reading">,
    directories: Iterable<WalkedDirectory>,
  ): void {
    transaction(this.#db, () => {
      this.#walks.replace(server, { ...walk, reading: number }, directories);
    });
  }

  /** The directories of the last walk, whether the next one may go by them or not. */
  walkedDirectories(server: string): Map<string, WalkedDirectory> {
    return this.#walks.directories(server);
  }

  /** Takes in all that some directories hold, and that they hold nothing else any more. */
  take(
    reading: Reading,
    directories: readonly ReadDirectory[],
    seq: number,
  ): Taken {
    const total = { seen: 0, new: 0, skipped: 0 };
    return transaction(this.#db, () => {
      for (const each of directories) {
        const taken = this.#takeDirectory(reading, each);
        total.seen += each.entries.length;
        total.new += taken.new;
        total.skipped += taken.skipped;
      }
      this.#walks.advance(reading.server, seq);
      return total;
    });
  }

  #takeDirectory(
    reading: Reading,
    { directory, entries, subdirectories }: ReadDirectory,
  ): Taken {
    const { server } = reading;
    const { namedIn, namedBelow } = this.#statements;
    const inside = rangeOf(directory.path);
    const before = new Map(
      (namedIn.all({ server, ...inside }) as unknown as EntryRow[])
        .map((row) => [row.path, row]),
    );
    const changed = entries.filter((entry) => {
      const row = before.get(entry.path);
      before.delete(entry.path);
      return row === undefined || row.mode !== entry.mode ||
        !sameVersion(row, entry);
    });
    for (const row of before.values()) this.#entries.withdraw(reading, row);
    const below = new Set(subdirectories);
    for (const known of this.#walks.children(server, inside)) {
      if (below.has(known)) continue;
      const gone = namedBelow.all({ server, ...rangeOf(known) });
      for (const row of gone as unknown as EntryRow[]) {
        this.#entries.withdraw(reading, row);
      }
      this.#walks.remove(server, known);
    }
    for (const path of subdirectories) this.#walks.found(server, path);
    this.#walks.put(server, directory);
    return this.#intake.take(reading, changed);
  }
}

/** The directory of a path; empty for the root. */
function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

/** Returns the bounds of the paths below a directory. */
function rangeOf(directory: string): { from: string; to: string } {
  return directory === ""
    ? { from: "", to: "\u{10FFFF}" }
    : { from: `${directory}/`, to: `${directory}0` };
}
