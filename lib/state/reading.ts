/**
 * One reading of a generation of a list, and how its rows are told from those of an
 * earlier one.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import type { Provenance } from "../list/format.ts";
import type { Fork } from "./order.ts";
import { prepared } from "./prepared.ts";

/** One reading of a server's list from its start, or of its tree. */
export interface Reading {
  readonly server: string;
  /**
   * The generation as the rules of order know it; `null` for a tree, and for a list
   * that is rewritten each time.
   */
  readonly generation: string | null;
  /** Counts the readings from the start. */
  readonly number: number;
  /** The generation and those that it descends from. */
  readonly lineage: ReadonlySet<string | null>;
  /** Lines up to this one repeat what was read before the list was compacted; 0: none do. */
  readonly repeated: number;
}

/** A list as it was found: where it comes from, and how it is read. */
export interface Life extends Provenance {
  /** True if it only ever grows, so that the order of its lines tells. */
  readonly grows: boolean;
  /** True if it is no longer what it was under the same name: an earlier one was restored, and that is accepted. */
  readonly renewed: boolean;
}

/** Generations that took over others. Forks are never forgotten: there is one for each compaction. */
export class Generations {
  readonly #db: DatabaseSync;
  readonly #forks = new Map<string, Fork | undefined>();

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** Remembers how `generation` began. */
  add(generation: string, { parent, upTo, carried }: Fork): void {
    this.#forks.clear();
    prepared(
      this.#db,
      "INSERT OR REPLACE INTO generation VALUES (:generation, :parent, :upTo, :carried)",
    ).run({ generation, parent, upTo, carried });
  }

  /** Looks up again what it knows: another node may have added to it. */
  forget(): void {
    this.#forks.clear();
  }

  /** Returns how `generation` began; `undefined` if it continues no other one. */
  fork(generation: string): Fork | undefined {
    if (!this.#forks.has(generation)) {
      const row = prepared(
        this.#db,
        `SELECT parent, up_to AS upTo, carried FROM generation
         WHERE generation = :generation`,
      ).get({ generation }) as unknown as Fork | undefined;
      this.#forks.set(generation, row);
    }
    return this.#forks.get(generation);
  }

  /** Returns `generation` and those that it descends from. */
  lineage(generation: string | null): ReadonlySet<string | null> {
    const lineage = new Set([generation]);
    for (let at = generation; at !== null;) {
      const parent = this.fork(at)?.parent;
      if (parent === undefined || lineage.has(parent)) break;
      lineage.add(parent);
      at = parent;
    }
    return lineage;
  }
}
