/**
 * The synchronised list: what every server names and what is on the replica,
 * in SQLite, so that a pass costs what changed and not what there is.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import type { CopyOrder, ReplicaConfig } from "../config/config.ts";
import type { Space } from "../files/space.ts";
import type { Arrived, Wanted } from "../files/wanted.ts";
import { pathInTree } from "../list/charset.ts";
import type { Digest, Version } from "../list/entry.ts";
import { sameVersion } from "../list/version.ts";
import type { Timestamp } from "../text/timestamp.ts";
import { transaction } from "./database.ts";
import { EntryIntake } from "./entry-intake.ts";
import { Intake } from "./intake.ts";
import { type EntryRow, type Filter, Judge, type Row } from "./judge.ts";
import type { Backlog } from "./left.ts";
import type { Rule, State } from "./order.ts";
import { conflictsWith, lagBehind } from "./overview.ts";
import { Naming } from "./naming.ts";
import type { FailedFile } from "./pass-report.ts";
import { Generations } from "./reading.ts";
import { Sets } from "./sets.ts";
import {
  namedServers,
  prepareStatements,
  type Statements,
} from "./statements.ts";
import { Superseded } from "./superseded.ts";
import { TreeIntake } from "./tree-intake.ts";
import { Twins } from "./twins.ts";
import { Walks } from "./walks.ts";
import { Withdrawals } from "./withdrawals.ts";

/** Two versions of one path, of which nothing tells which is newer. */
export interface Conflict {
  readonly path: string;
  /** Number and size of the files that are here to stay. */
  readonly here: StateOf;
  readonly offered: StateOf;
}

/** A version, and which server it is of. */
type StateOf = State & { readonly server: string };

/** Options of the list; each has a default. */
export interface ListOptions {
  /** @default "oldest" */
  readonly order?: CopyOrder;
  /** Directory of the state; without it, its disk space is not watched. */
  readonly space?: Pick<Space, "claim" | "release">;
  /** See {@link Naming}. @default null */
  readonly charset?: string | null;
  /** @default false */
  readonly sets?: ReplicaConfig["sets"];
  /** Bytes of the longest path that can be kept; a line that names a longer one is refused. @default any */
  readonly longestPath?: number;
  /** Rules of order to leave out: for the model that shows what each is for. */
  readonly without?: readonly Rule[];
}

/** The tables that synchro-list writes; see schema.ts. */
export class SynchronisedList {
  /** Intake of the versions that servers name. */
  readonly intake: Intake;
  /** Intake of servers that have no list. */
  readonly trees: TreeIntake;
  /** Lists that were read of other servers. */
  readonly twins: Twins;
  /** Files that servers no longer name. */
  readonly withdrawals: Withdrawals;
  /** Which lines belong together. */
  readonly sets: Sets;
  readonly #db: DatabaseSync;
  readonly #order: CopyOrder;
  readonly #statements: Statements;
  readonly #superseded: Superseded;
  readonly #generations: Generations;
  readonly #judge: Judge;

  constructor(db: DatabaseSync, filter: Filter, options: ListOptions = {}) {
    const { order = "oldest", charset = null, space, without = [] } = options;
    this.sets = new Sets(db, options.sets ?? false);
    const { sets } = this;
    const statements = prepareStatements(db);
    const superseded = new Superseded(db);
    const generations = new Generations(db);
    const common = { filter, statements, superseded, generations };
    const judge = new Judge(db, { ...common, without });
    const naming = new Naming(db, charset);
    const entries = new EntryIntake({ ...common, judge, sets, naming });
    const walks = new Walks(db);
    const taking = { ...common, judge, entries, walks, charset };
    const { longestPath = Infinity } = options;
    this.intake = new Intake(db, { ...taking, sets, space, longestPath });
    this.trees = new TreeIntake(db, { ...taking, intake: this.intake });
    this.twins = new Twins(db, charset);
    this.withdrawals = new Withdrawals(db, { statements, superseded, judge });
    this.#db = db;
    this.#order = order;
    this.#statements = statements;
    this.#superseded = superseded;
    this.#generations = generations;
    this.#judge = judge;
  }

  /** Looks up again what it remembers of rows: others have changed them. */
  forget(): void {
    this.#generations.forget();
  }

  /** Judges some entries of `server` again, after the filter has changed; see {@link Judge}. */
  get judge(): Pick<Judge, "judgePage" | "endJudging"> {
    return this.#judge;
  }

  /** The next entries to fetch after `last`, in order of publication or size. */
  wanted(
    server: string,
    last: Pick<Wanted, "seq" | "size"> | null,
    limit: number,
  ): Wanted[] {
    const { seq, size } = last ?? { seq: 0, size: -1 };
    const rows = this.#order === "oldest"
      ? this.#statements.oldest.all({ server, seq, limit })
      : this.#statements.smallest.all({ server, seq, size, limit });
    return (rows as unknown as WantedRow[]).map(wantedOf);
  }

  /** Commits that these files of `server` are on the replica, to stay. */
  arrived(
    server: string,
    files: readonly Arrived[],
    options: { announce: boolean },
  ): void {
    const announce = options.announce ? 1 : 0;
    const arrived = Date.now() / 1_000;
    const batch = { server, files: JSON.stringify(files) };
    transaction(this.#db, () => {
      const replaced = this.#statements.replaced.all({ files: batch.files });
      for (const row of replaced as unknown as Row[]) {
        this.#leave(server, row);
      }
      this.#statements.endWithdrawals.run({ files: batch.files });
      this.#statements.arrive.run({ ...batch, announce, arrived });
      this.#statements.judgeArrived.run(batch);
      const elsewhere = this.#statements.namedElsewhere.all(batch);
      for (const { path } of elsewhere as { path: string }[]) {
        this.#statements.forgetHere.run({ server, path });
        this.#judge.judgePath(path);
      }
      for (const { path } of replaced as { path: string }[]) {
        this.#statements.endResolution.run({ path });
      }
    });
  }

  /**
   * Commits that all of some sets of `server` is on the replica, to stay, and that
   * what they withdrew is gone.
   */
  shown(
    server: string,
    { units, files, gone }: ShownSets,
    options: { announce: boolean },
  ): void {
    transaction(this.#db, () => {
      // A hook is told of whole sets, and not of their files.
      this.arrived(server, files, { announce: false });
      this.withdrawals.removed(gone);
      for (const unit of units) {
        this.sets.hold(server, unit, null);
        if (options.announce) this.#announceLater(server, unit, files);
      }
    });
  }

  /** The next set to fetch of `server`; see {@link Sets.pending}. */
  wantedOf(
    server: string,
    unit: number,
    last: Pick<Wanted, "seq"> | null,
    limit: number,
  ): Wanted[] {
    const rows = this.#statements.ofSet.all({
      server,
      unit,
      limit,
      seq: last?.seq ?? 0,
    });
    return (rows as unknown as WantedRow[]).map(wantedOf);
  }

  /**
   * As {@link Withdrawals.files}, but for what goes together with a set: all that
   * `active` withdrew, and what another server did together with files that are not
   * here, or in a run that has not ended.
   */
  ofNoSet(
    active: string,
    after: string,
    limit: number,
  ): { path: string; size: number }[] {
    const free = new Set(
      namedServers(this.#statements).filter((server) => server !== active)
        .flatMap((server) =>
          this.sets.pending(server)
            .filter(({ files, obstacle }) => files === 0 && obstacle === null)
            .flatMap(({ unit }) => this.sets.leaving(server, unit))
        ),
    );
    for (let from = after;;) {
      const files = this.withdrawals.files(active, from, limit, active);
      const going = files.filter(({ path }) => free.has(path));
      if (going.length > 0 || files.length === 0) return going;
      from = files.at(-1)!.path;
    }
  }

  /** Notes why files of `server` could not be copied; they stay wanted. */
  failed(server: string, files: readonly FailedFile[]): void {
    transaction(this.#db, () => {
      for (const { path, error } of files) {
        this.#statements.fail.run({ server, path, error });
      }
    });
  }

  /** Wants these files again, from every server that names the version that is here; returns those that any does. */
  refetch(paths: readonly string[]): Set<string> {
    const batch = { paths: JSON.stringify(paths) };
    const wanted = transaction(
      this.#db,
      () => this.#statements.refetch.all(batch) as { path: string }[],
    );
    return new Set(wanted.map(({ path }) => path));
  }

  /**
   * Applies what administrators have decided by `relais resolve`: the versions of
   * all other servers count as superseded from now on.
   */
  resolve(): void {
    const decided = this.#statements.resolutions.all() as {
      path: string;
      server: string;
    }[];
    if (decided.length === 0) return;
    transaction(this.#db, () => {
      for (const { path, server } of decided) {
        const rows = this.#judge.entries(path);
        for (const row of rows) {
          if (row.server !== server && row.standing === "conflict") {
            this.#superseded.leave(path, row);
          }
        }
        this.#judge.judgePath(path);
        const chosen = rows.find((row) => row.server === server);
        // It is the one that is here, or the server has gone on meanwhile.
        const isOver = chosen === undefined || chosen.standing !== "conflict";
        if (isOver) this.#statements.endResolution.run({ path });
      }
    });
  }

  /** The first conflicts with what `server` names, by path. */
  conflicts(server: string, limit: number): Conflict[] {
    const rows = this.#statements.conflicts.all({ server, limit });
    return (rows as unknown as EntryRow[]).map((offered) => {
      const { path } = offered;
      return { path, here: this.#judge.here(path)!, offered };
    });
  }

  /** Number of files on the replica. */
  count(): number {
    return (this.#statements.count.get() as { files: number }).files;
  }

  /**
   * Returns what is still to be fetched from `server`, and the lag of the replica behind
   * the servers in use: that one, and those that are preferred to it.
   */
  backlog(server: string, preferred: readonly string[] = []): Backlog {
    const { pending, bytes } = this.#statements.pending.get({ server }) as {
      pending: number;
      bytes: number;
    };
    const inUse = [...preferred, server];
    return {
      pending,
      bytes,
      lagSeconds: lagBehind(this.#db, inUse, Date.now()),
      conflicts: conflictsWith(this.#db, inUse),
    };
  }

  /** Files that arrived, and that no hook was told of yet, by path. */
  unannounced(): string[] {
    const rows = this.#statements.unannounced.all() as { path: string }[];
    return rows.map(({ path }) => path);
  }

  announced(paths: readonly string[]): void {
    this.#statements.announce.run({ paths: JSON.stringify(paths) });
  }

  /** The first set that arrived and that no hook was told of yet. */
  unannouncedSet(): ArrivedSet | null {
    const row = this.#statements.unannouncedSet.get() as
      | { number: number; name: string; paths: string }
      | undefined;
    return row === undefined ? null : { ...row, paths: JSON.parse(row.paths) };
  }

  announcedSet(number: number): void {
    this.#statements.announceSet.run({ number });
  }

  /** Remembers to tell of a set, if anything of it was fetched. */
  #announceLater(
    server: string,
    unit: number,
    files: readonly Arrived[],
  ): void {
    const paths = this.sets.here(server, unit);
    const fetched = new Set(
      files.filter(({ fetched }) => fetched).map(({ path }) => path),
    );
    if (!paths.some((path) => fetched.has(path))) return;
    const name = this.sets.name(server, unit);
    this.#statements.announceSetLater.run({
      name,
      paths: JSON.stringify(paths),
    });
  }

  /** Remembers what was here before a file of `server` took its place. */
  #leave(server: string, row: Row): void {
    const { path } = row;
    const arrived = this.#statements.entry.get({ server, path });
    const same = arrived?.op === row.op &&
      sameVersion(arrived as unknown as Row, row);
    if (!same) this.#superseded.leave(path, row);
  }
}

/** Sets that are shown, and what that changes. */
export interface ShownSets {
  readonly units: readonly number[];
  /** Files that came, or were here already. */
  readonly files: readonly Arrived[];
  /** Paths of files that were taken away. */
  readonly gone: readonly string[];
}

/** A set for a hook. */
export interface ArrivedSet {
  readonly number: number;
  readonly name: string;
  /** All its files, by path. */
  readonly paths: readonly string[];
}

/** A row of what is wanted. */
export interface WantedRow extends Omit<Wanted, "here" | "failedBefore"> {
  readonly failedBefore: number;
  readonly mtimeHere: Timestamp | null;
  readonly sizeHere: number | null;
  readonly digestHere: Digest | null;
  /** 1 if it was found in a tree, and not in a list. */
  readonly inTree: number;
}

/** Returns what copying needs to know of a row. */
export function wantedOf(
  { mtimeHere, sizeHere, digestHere, failedBefore, inTree, ...entry }:
    WantedRow,
): Wanted {
  const here: Version | null = mtimeHere === null
    ? null
    : { mtime: mtimeHere, size: sizeHere!, digest: digestHere };
  const { path } = entry;
  const listed = entry.remote ?? path;
  const there = inTree === 1 ? pathInTree(listed) : listed;
  const remote = there === path ? null : there;
  return { ...entry, remote, here, failedBefore: failedBefore === 1 };
}
