/**
 * The replica of the model: the real synchronised list, in memory, which passes
 * feed as modules would.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import type { Digest, Entry } from "../../lib/list/entry.ts";
import type { Rule } from "../../lib/state/order.ts";
import { rehearseState } from "../../lib/state/database.ts";
import type { Life } from "../../lib/state/reading.ts";
import { SynchronisedList } from "../../lib/state/synchronised-list.ts";
import type { Timestamp } from "../../lib/text/timestamp.ts";
import {
  type Export,
  lastNamed,
  type Line,
  precedes,
  workplace,
  type World,
  written,
} from "./world.ts";

/** How the replica is set up. */
export interface Setup {
  /** Whether the lists of the servers that are not active are read, too. */
  readonly warm: boolean;
  /** Whether withdrawn files stay. */
  readonly keeps: boolean;
  /** Rules of order to leave out. */
  readonly without: readonly Rule[];
}

/** Where a pass is cut off. */
export type Cut = "read" | "placed" | undefined;

/** What is here under a path: the contents, or `null` for none. */
type Here = { readonly content: string | null; readonly version: number };

/** Files that were put in place when a pass was cut off. */
interface Placed {
  readonly server: string;
  readonly files: readonly { path: string; seq: number; fetched: true }[];
}

/** A replica whose every step can be undone. */
export class Replica {
  readonly db: DatabaseSync;
  readonly #list: SynchronisedList;
  readonly #setup: Setup;
  #placed: Placed | undefined;
  /** Which version is here, where no line of a generation tells: by path. */
  #taken: ReadonlyMap<string, number> = new Map();
  /** Where files came from in the last pass. */
  #active: string | undefined;
  /** Paths that somebody has decided: no order holds for these any more. */
  #decided: ReadonlySet<string> = new Set();

  constructor(setup: Setup, world: World) {
    this.db = rehearseState("/nonexistent");
    this.#setup = setup;
    this.#taken = new Map(
      world.versions.map(({ path }, version) => [path, version]),
    );
    const everything = { wants: () => true, fingerprint: "" };
    this.#list = new SynchronisedList(this.db, everything, {
      without: setup.without,
    });
  }

  /** Does something, and undoes it. */
  async try<Result>(work: () => Promise<Result>): Promise<Result> {
    const placed = this.#placed;
    const taken = this.#taken;
    const active = this.#active;
    const decided = this.#decided;
    this.db.exec("SAVEPOINT step");
    try {
      return await work();
    } finally {
      this.db.exec("ROLLBACK TO step; RELEASE step");
      this.#placed = placed;
      this.#taken = taken;
      this.#active = active;
      this.#decided = decided;
    }
  }

  /**
   * Runs a pass; returns what went back in the true order.
   *
   * @param cut Where it ends before its end.
   * @param lines How many lines of the active server's list it reads at most.
   */
  async pass(
    world: World,
    { cut, lines = Infinity }: { cut?: Cut; lines?: number } = {},
  ): Promise<string[]> {
    const list = this.#list;
    const before = this.#allHere(world);
    if (this.#placed !== undefined) {
      const { server, files } = this.#placed;
      list.arrived(server, files, { announce: false });
      this.#placed = undefined;
    }
    const active = workplace(world);
    const whole = await this.#read(world, active, lines);
    if (!whole || cut === "read") return this.#wentBack(world, before);
    this.#take(world, active);
    list.resolve();
    await list.withdrawals.follow(active, this.#setup.keeps);
    const files = list.wanted(active, null, 100).map(({ path, seq }) => ({
      path,
      seq,
      fetched: true as const,
    }));
    if (cut === "placed") {
      this.#placed = { server: active, files };
      return this.#wentBack(world, before);
    }
    list.arrived(active, files, { announce: false });
    this.#remove(active);
    if (this.#setup.warm) {
      for (const server of world.servers) {
        const serves = server !== world.servers[0] || world.up;
        const isTold = world.kinds[server] !== "tree" ||
          server === this.#active;
        if (server !== active && serves && isTold) {
          await this.#read(world, server, Infinity);
        }
      }
      this.#remove(active);
    }
    this.#active = active;
    return this.#wentBack(world, before);
  }

  #remove(active: string): void {
    if (this.#setup.keeps) return;
    const gone = this.#list.withdrawals.files(active, "", 100);
    this.#list.withdrawals.removed(gone.map(({ path }) => path));
  }

  /** Whether there is a conflict that a pass would tell. */
  hasConflict(world: World): boolean {
    const active = workplace(world);
    const preferred = world.servers.slice(0, world.servers.indexOf(active));
    return this.#list.backlog(active, preferred).conflicts.files > 0;
  }

  /** Decides a conflict for a server, as an administrator would. */
  resolve(path: string, server: string): void {
    this.db.prepare("INSERT OR REPLACE INTO resolution VALUES (?, ?)")
      .run(path, server);
    this.#decided = new Set([...this.#decided, path]);
  }

  /** Whether an administrator, and no order, has decided what is here. */
  isDecided(path: string): boolean {
    return this.#decided.has(path);
  }

  /** Paths of which nothing tells which version is newer. */
  conflicts(world: World): string[] {
    return this.#list.conflicts(workplace(world), 100)
      .map(({ path }) => path);
  }

  /** What is here, or was taken away from here. */
  here(path: string): Here | undefined {
    const row = this.db.prepare(
      `SELECT generation, seq, NULL AS digest, server FROM withdrawal WHERE path = :path
       UNION ALL SELECT generation, seq, digest, server FROM copy WHERE path = :path LIMIT 1`,
    ).get({ path }) as
      | {
        generation: string | null;
        seq: number;
        digest: string | null;
        server: string;
      }
      | undefined;
    if (row === undefined) return undefined;
    const content = row.digest?.slice("sha256:".length) ?? null;
    const line = written.get(row.generation ?? "")?.lines[row.seq - 1];
    if (line?.path === path) return { content, version: line.version };
    return { content, version: this.#taken.get(path)! };
  }

  /** Notes which versions the next files to arrive are. */
  #take(world: World, server: string): void {
    const list = world.exports[server];
    const changing = this.db.prepare(
      `SELECT path FROM entry
       WHERE server = ? AND standing IN ('wanted', 'withdrawn', 'conflict')`,
    ).all(server) as { path: string }[];
    this.#taken = new Map([
      ...this.#taken,
      ...changing.map(({ path }) => [path, lastNamed(list, path)] as const),
    ]);
  }

  /** Reads what a server names; returns whether to the end. */
  async #read(world: World, server: string, most: number): Promise<boolean> {
    const published = world.exports[server]!;
    const kind = world.kinds[server]!;
    if (kind !== "list") return await this.#readWhole(world, server, kind);
    const { generation, writer, from, carried } = published;
    const known = this.#list.intake.cursor(server);
    const isKnown = known?.generation === generation;
    const life: Life = {
      generation,
      writer,
      from,
      carried,
      grows: true,
      renewed: false,
    };
    const reading = isKnown
      ? await this.#list.intake.resume(server)
      : this.#list.intake.begin(server, life);
    const start = isKnown ? known.seq : 0;
    const lines = published.lines.slice(start, start + most);
    const seq = start + lines.length;
    const cursor = {
      generation,
      offset: seq,
      tail: nothing,
      seq,
      modified: null,
    };
    this.#list.intake.take(
      reading,
      lines.map((line, index) => entryOf(world, line, start + index + 1)),
      cursor,
    );
    if (seq < published.lines.length) return false;
    await this.#list.intake.complete(reading);
    return true;
  }

  /** Reads a list that is written anew each time, or a tree. */
  async #readWhole(
    world: World,
    server: string,
    kind: "foreign" | "tree",
  ): Promise<boolean> {
    const lines = liveLines(world.exports[server]!);
    const life: Life | null = kind === "tree" ? null : {
      generation: "foreign",
      writer: null,
      from: [],
      carried: 0,
      grows: false,
      renewed: false,
    };
    const reading = this.#list.intake.begin(server, life);
    // Whoever writes it may write it in any order.
    const entries = lines.toReversed().map((line, index) =>
      entryOf(world, line, index + 1)
    );
    this.#list.intake.take(reading, entries);
    await this.#list.intake.complete(reading);
    return true;
  }

  #allHere(world: World): Map<string, Here> {
    const paths = new Set(world.versions.map(({ path }) => path));
    return new Map(
      [...paths].flatMap((path) => {
        const here = this.here(path);
        return here === undefined ? [] : [[path, here] as const];
      }),
    );
  }

  /** Names what was replaced by something older than it. */
  #wentBack(world: World, before: ReadonlyMap<string, Here>): string[] {
    const after = this.#allHere(world);
    return [...before].filter(([path, was]) => {
      const is = after.get(path);
      if (is === undefined || is.content === was.content) return false;
      if (this.isDecided(path)) return false;
      const versions = world.versions.keys().filter((index) => {
        const version = world.versions[index]!;
        return version.path === path && version.content === is.content;
      });
      return versions.every((index) => precedes(world, index, was.version));
    }).map(([path]) => path);
  }
}

const nothing = new Uint8Array(0);

function liveLines({ lines }: Export): Line[] {
  return [...new Map(lines.map((line) => [line.path, line])).values()]
    .filter(({ op }) => op === "+");
}

function entryOf(world: World, { op, path, version }: Line, seq: number) {
  const { content, date } = world.versions[version]!;
  const published = String(1_000 + seq) as Timestamp;
  const mtime = String(date) as Timestamp;
  return {
    seq,
    op,
    path,
    published,
    mtime,
    mode: null,
    size: op === "-" ? 0 : 1,
    digest: op === "-" ? null : `sha256:${content}` as Digest,
  } satisfies Entry;
}
