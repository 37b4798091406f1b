/**
 * Judging how the entries of the state stand to what is on the replica.
 *
 * @module
 */

import type { ReplicaConfig } from "../config/config.ts";
import { compileGlobs } from "../text/glob.ts";
import type { DatabaseSync } from "node:sqlite";
import type { Digest } from "../list/entry.ts";
import { sameVersion } from "../list/version.ts";
import { Pacer } from "../worker/pacer.ts";
import type { Timestamp } from "../text/timestamp.ts";
import { transaction } from "./database.ts";
import {
  compareVersions,
  type Named,
  type Order,
  type Past,
  type Rule,
} from "./order.ts";
import type { Generations } from "./reading.ts";
import { willChange } from "./rehearsal.ts";
import type { Standing } from "./standing.ts";
import type { Statements } from "./statements.ts";
import { type Numbered, replica, type Superseded } from "./superseded.ts";

/** A version, and where it comes from. */
export interface Row {
  server: string;
  path: string;
  op: "+" | "-";
  seq: number;
  generation: string | null;
  published: Timestamp;
  mtime: Timestamp;
  size: number;
  mode: number | null;
  digest: Digest | null;
}

/** A version that a server names. */
export interface Offer extends Row {
  /** Its number among those that the server has named for the path. */
  readonly number: number;
  /** Number of the one that is here, or was when the server last named it; `null`: none. */
  readonly here: number | null;
}

/** An entry as the state keeps it. */
export interface EntryRow extends Offer {
  readonly standing: Standing;
}

/** Number of rows that are judged again in one transaction. */
const page = 10_000;

/** Filters on the paths that servers name. */
export interface Filter {
  readonly wants: (path: string) => boolean;
  /** Changes whenever the answers of `wants` may. */
  readonly fingerprint: string;
}

/** Parts that judging works with. */
interface Tools {
  readonly filter: Filter;
  readonly statements: Statements;
  readonly superseded: Superseded;
  readonly generations: Generations;
  /** Rules of order to leave out: for the model that shows what each is for. */
  readonly without: readonly Rule[];
}

/** Judges entries, and writes how they stand. */
export class Judge {
  readonly #db: DatabaseSync;
  readonly #tools: Tools;

  constructor(db: DatabaseSync, tools: Tools) {
    this.#db = db;
    this.#tools = tools;
  }

  /** Returns the version on the replica under `path`, or the withdrawal that it has followed. */
  here(path: string): Row | undefined {
    const { withdrawal, copy } = this.#tools.statements;
    return (withdrawal.get({ path }) ?? copy.get({ path })) as Row | undefined;
  }

  /** Tells whether {@link here} would find anything under any path. */
  holdsAnything(): boolean {
    return this.#tools.statements.holdsAnything.get()!.holds === 1;
  }

  /** Says how an entry stands to what is here under its path, and remembers what follows from it. */
  standing(offer: Offer, here: Row | undefined): Standing {
    const { filter, statements } = this.#tools;
    if (offer.op === "+" && !filter.wants(offer.path)) return "excluded";
    const changed = offer.op === "+" ? "wanted" : "withdrawn";
    if (here === undefined) return changed;
    const order = this.#order(offer, here);
    const isHere = offer.op === "+" ? "here" : "gone";
    if (order === "same") return isHere;
    if (order !== "newer") return order;
    if (offer.op !== here.op) return changed;
    if (offer.op === "+" && !sameVersion(offer, here)) return changed;
    // What is here is confirmed by a later line: from now on that is where it comes from.
    willChange(this.#db, "copy");
    const { path, server, seq, generation, published } = offer;
    const confirm = offer.op === "+"
      ? statements.confirmCopy
      : statements.confirmWithdrawal;
    confirm.run({ path, server, seq, generation, published });
    return isHere;
  }

  /** Judges the entries of all servers for one path, after what is here has changed. */
  judgePath(path: string): void {
    const rows = this.entries(path);
    const here = this.here(path);
    for (const row of rows) this.#judge(row, here);
  }

  /** Judges what other servers name, after `server` has gone on to another version. */
  judgeOthers({ server, path }: Pick<Row, "server" | "path">): void {
    const others = this.entries(path).filter((row) =>
      row.server !== server && row.standing !== "here" &&
      row.standing !== "gone"
    );
    if (others.length === 0) return;
    const here = this.here(path);
    for (const row of others) this.#judge(row, here);
  }

  /** Judges all entries of `server`, after the filter has changed. */
  async judgeAll(server: string): Promise<void> {
    const pacer = new Pacer();
    for (let after: string | undefined = ""; after !== undefined;) {
      after = this.judgePage(server, after);
      await pacer.pause();
    }
    this.endJudging(server);
  }

  /** Judges some entries after the path `after`; returns the last of them, or `undefined` if there is none. */
  judgePage(server: string, after: string): string | undefined {
    const { page: next } = this.#tools.statements;
    const rows = next.all({ server, after, page }) as unknown as EntryRow[];
    transaction(this.#db, () => {
      for (const row of rows) this.#judge(row, this.here(row.path));
    });
    return rows.at(-1)?.path;
  }

  /** Notes that all entries of `server` are judged by this filter. */
  endJudging(server: string): void {
    const { statements, filter } = this.#tools;
    statements.refilter.run({ server, filters: filter.fingerprint });
  }

  /** Returns the versions that all servers name for `path`. */
  entries(path: string): EntryRow[] {
    const { statements } = this.#tools;
    // One by one: in a rehearsal an entry is found by its key, and no other way.
    return statements.servers.all().flatMap(({ server = null }) => {
      const row = statements.entry.get({ server, path });
      return row === undefined ? [] : [row as unknown as EntryRow];
    });
  }

  #judge(row: EntryRow, here: Row | undefined): void {
    const { server, path } = row;
    const standing = this.standing({ ...row, here: numberHere(row) }, here);
    this.#tools.statements.judge.run({ server, path, standing });
  }

  #order(offer: Offer, here: Row): Order {
    const { without } = this.#tools;
    const order = compareVersions(
      offer,
      here,
      this.#past(offer, here),
      without,
    );
    if (order !== "conflict") return order;
    const { server, path } = offer;
    return this.#tools.statements.resolved.get({ server, path }) === undefined
      ? order
      : "newer";
  }

  #past(offer: Offer, here: Row): Past {
    const { superseded, generations } = this.#tools;
    const { path } = offer;
    const ofOffer = once(() => this.#named(offer));
    const others = once(() =>
      this.entries(path).filter(({ server }) => server !== offer.server)
        .map((row) => this.#named({ ...row, here: numberHere(row) }))
    );
    return {
      fork: (generation) => generations.fork(generation),
      here: once(() => [...superseded.of(replica, path), here]),
      named: () => [ofOffer(), ...others()],
      candidate: ofOffer,
    };
  }

  #named(offer: Offer): Named {
    const before = this.#tools.superseded.of(offer.server, offer.path);
    const states: Numbered[] = [...before, offer];
    const { here } = offer;
    return {
      states,
      // One that is no longer remembered comes before all others.
      here: here === null
        ? null
        : states.findIndex(({ number }) => number === here),
    };
  }
}

/** Number of the version that is here among those that the entry's server has named. */
export function numberHere(
  { standing, number, here }: Pick<EntryRow, "standing" | "number" | "here">,
): number | null {
  return standing === "here" || standing === "gone" ? number : here;
}

function once<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined;
  return () => (made ??= { value: make() }).value;
}

/** Makes the filter of `replica.include` and `replica.exclude`; what is excluded stays so whatever includes it. */
export function compileFilter(
  { include, exclude }: Pick<ReplicaConfig, "include" | "exclude">,
): Filter {
  const included = include.length === 0 ? () => true : compileGlobs(include);
  const excluded = compileGlobs(exclude);
  return {
    wants: (path) => included(path) && !excluded(path),
    fingerprint: JSON.stringify([include, exclude]),
  };
}
