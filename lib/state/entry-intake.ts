/**
 * Taking in one version that a server names, or no longer names: what it named
 * before becomes superseded, and what the new one is to the replica is judged.
 *
 * @module
 */

import type { Entry } from "../list/entry.ts";
import { sameVersion } from "../list/version.ts";
import {
  type EntryRow,
  type Judge,
  numberHere,
  type Offer,
  type Row,
} from "./judge.ts";
import type { Naming } from "./naming.ts";
import type { State } from "./order.ts";
import type { Reading } from "./reading.ts";
import type { Sets } from "./sets.ts";
import { type Standing, unfinished } from "./standing.ts";
import type { Statements } from "./statements.ts";
import type { Superseded } from "./superseded.ts";

/** Parts that taking an entry in works with. */
export interface EntryTools {
  readonly statements: Statements;
  readonly superseded: Superseded;
  readonly judge: Judge;
  readonly sets: Sets;
  readonly naming: Naming;
}

/** Takes in entries, in the transaction of whoever reads them. */
export class EntryIntake {
  readonly #statements: Statements;
  readonly #superseded: Superseded;
  readonly #judge: Judge;
  readonly #sets: Sets;
  readonly #naming: Naming;

  constructor(tools: EntryTools) {
    this.#statements = tools.statements;
    this.#superseded = tools.superseded;
    this.#judge = tools.judge;
    this.#sets = tools.sets;
    this.#naming = tools.naming;
  }

  /** Takes in what a server names; `here` tells what is on the replica. */
  take(
    reading: Reading,
    entry: Entry,
    here: (path: string) => Row | undefined,
  ): Standing {
    const { server, generation, number } = reading;
    const { path, remote, displaced } = this.#naming.name(reading, entry.path);
    if (displaced !== undefined) this.#judge.judgePath(displaced);
    const row = this.#statements.entry.get({ server, path }) as
      | EntryRow
      | undefined;
    if (row !== undefined && isReadAgain(row, reading, entry)) {
      const { seq } = entry;
      if (row.generation === generation && seq < row.seq) {
        this.#replaced(row, { seq, by: row.seq });
      }
      this.#statements.readAgain.run({
        server,
        path,
        generation,
        reading: number,
        seq: row.generation === generation ? row.seq : seq,
      });
      return row.standing;
    }
    if (row !== undefined && row.generation === generation) {
      this.#replaced(row, { seq: row.seq, by: entry.seq });
    }
    const named = { ...entry, path, server, generation };
    const offer = { ...named, ...this.#succeed(row, named, reading) };
    const standing = this.#judge.standing(offer, here(path));
    this.#put(reading, offer, { remote, standing });
    return standing;
  }

  /** Lets the sets of two lines for one path wait for each other, unless what the first one says is done. */
  #replaced(
    { server, standing }: EntryRow,
    lines: { readonly seq: number; readonly by: number },
  ): void {
    if (unfinished.has(standing)) this.#sets.replaced(server, lines);
  }

  /** Writes what a server names; what it named before tells more of what others name. */
  #put(
    { number: reading }: Reading,
    offer: Offer,
    { remote, standing }: { remote: string | null; standing: Standing },
  ): void {
    const { path, server, seq, generation, published, mtime } = offer;
    const { size, mode, digest, op, number, here } = offer;
    this.#statements.put.run(
      path,
      server,
      seq,
      generation,
      published,
      mtime,
      size,
      mode,
      digest,
      op,
      number,
      here,
      standing,
      remote,
      reading,
    );
    if (offer.number > 0) this.#judge.judgeOthers(offer);
  }

  /** Takes in that a path is no longer named. */
  withdraw(reading: Reading, row: EntryRow): void {
    const { server, generation } = reading;
    const { path } = row;
    this.#superseded.add(server, path, row);
    const offer: Offer = {
      ...row,
      op: "-",
      seq: 0,
      generation,
      size: 0,
      mode: null,
      digest: null,
      number: row.number + 1,
      here: numberHere(row),
    };
    const standing = this.#judge.standing(offer, this.#judge.here(path));
    this.#put(reading, offer, { remote: null, standing });
  }

  /** Numbers what a server names now among what it has named before, which becomes superseded. */
  #succeed(
    row: EntryRow | undefined,
    offer: State,
    { server, lineage }: Reading,
  ): Pick<Offer, "number" | "here"> {
    if (row === undefined) return { number: 0, here: null };
    const { path, number } = row;
    if (!lineage.has(row.generation)) {
      this.#superseded.forget(server, path);
      return { number: 0, here: null };
    }
    const here = numberHere(row);
    if (row.op === offer.op && sameVersion(row, offer)) return { number, here };
    this.#superseded.add(server, path, row);
    return { number: number + 1, here };
  }
}

/** Tells whether a line was read before: in this generation, or before the list was compacted. */
function isReadAgain(
  row: EntryRow,
  { generation, repeated }: Reading,
  entry: Entry,
): boolean {
  if (generation === null) return false;
  if (row.generation === generation) return entry.seq <= row.seq;
  return entry.seq <= repeated && row.op === entry.op &&
    sameVersion(row, entry);
}
