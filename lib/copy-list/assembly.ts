/**
 * Sets in the making: which of their files are still to come, which are whole, and
 * what holds the others up.
 *
 * @module
 */

import { describe, FileError } from "../errors.ts";
import { NoRoomError } from "../files/space.ts";
import type { Wanted } from "../files/wanted.ts";
import type { HeldSet, Obstacle, PendingSet } from "../state/sets.ts";
import { pagesOf } from "../worker/pages.ts";
import type { Ready } from "./obtain.ts";
import type { SetTools, Tools } from "./tools.ts";

/** Entries asked from the ledger at a time. */
const page = 1_000;

/** A set of which every file waits to be put in place. */
export interface WholeSet {
  readonly unit: number;
  readonly name: string;
  readonly files: readonly Ready[];
  /** Paths that go. */
  readonly leaving: readonly string[];
}

/** The copy run that sets are made in. */
export interface AssemblyRun {
  /** Tells whether nothing is in the way of the files of a set; notes what is. */
  isClear(set: WholeSet): boolean;
  /** Hears of a set that is whole, and before which no other has to come. */
  onWhole(set: WholeSet): void;
  /** Hears that a set is too large for the disk. */
  onNoRoom(error: NoRoomError): void;
}

/** One set. */
interface Making {
  readonly set: PendingSet;
  readonly ready: Ready[];
  leaving: readonly string[];
  /** Files that are still to come. */
  left: number;
  /** False as long as its files need not be fetched. */
  isPossible: boolean;
  isWhole: boolean;
  isReleased: boolean;
  /** Why it is not shown in this run; without `told`, the state knows already. */
  held: { readonly told: Obstacle | null } | undefined;
}

/** The sets of one copy run. */
export class Assembly {
  readonly #tools: Tools;
  readonly #sets: SetTools;
  readonly #run: AssemblyRun;
  #makings: Making[] = [];
  /** The set of each file that is on its way. */
  readonly #ofPath = new Map<string, Making>();

  constructor(tools: Tools, sets: SetTools, run: AssemblyRun) {
    this.#tools = tools;
    this.#sets = sets;
    this.#run = run;
  }

  /** Yields the files of sets in which nothing failed last time. */
  async *fresh(): AsyncGenerator<Wanted> {
    const sets = await this.#sets.pending();
    this.#makings = sets.map((set) => ({
      set,
      ready: [],
      leaving: [],
      left: set.files,
      isPossible: false,
      isWhole: false,
      isReleased: false,
      held: undefined,
    }));
    for (const making of this.#makings) {
      if (making.set.failing === 0) yield* this.#begin(making);
    }
  }

  /** Yields the files that failed last time: as long as they do, the others of their sets need not come. */
  async *failing(): AsyncGenerator<Wanted> {
    for (const making of this.#putOff()) {
      if (await this.#prepare(making)) yield* this.#entries(making, true);
    }
  }

  /** Yields the other files of their sets, but for those that have come already where they are not enough. */
  async *others(): AsyncGenerator<Wanted> {
    const { staging } = this.#tools;
    for (const making of this.#putOff()) {
      if (!making.isPossible) continue;
      for await (const entry of this.#entries(making, false)) {
        const waits = making.held !== undefined &&
          staging.held(entry) === entry.size;
        if (!waits) yield entry;
      }
    }
  }

  /** Takes in a file that is whole. */
  add(ready: Ready): void {
    const { path } = ready.entry;
    const making = this.#ofPath.get(path);
    if (making === undefined) return;
    this.#ofPath.delete(path);
    making.ready.push(ready);
    making.left--;
    this.#complete(making);
  }

  /** Takes in that a file does not come; `null`: the state knows why. */
  fail(path: string, error: string | null): void {
    const making = this.#ofPath.get(path);
    this.#ofPath.delete(path);
    if (making !== undefined) {
      hold(making, error === null ? null : { path, error });
    }
  }

  /** Notes what holds up the sets that are not shown, and returns the first of them. */
  async settle(): Promise<HeldSet[]> {
    const held: HeldSet[] = [];
    let earlier: Making | undefined;
    for (const making of this.#makings) {
      if (making.isReleased) continue;
      const { set: { unit, name } } = making;
      const waits = this.#sets.isOrdered && earlier !== undefined &&
          making.held === undefined
        ? { path: null, error: `it waits for the set ${earlier.set.name}` }
        : null;
      if (making.held !== undefined) earlier ??= making;
      const told = making.held?.told ?? waits;
      if (told === null) continue;
      await this.#sets.hold(unit, told);
      held.push({ set: name, ...told });
    }
    return held;
  }

  #putOff(): Making[] {
    return this.#makings.filter(({ set }) => set.failing > 0);
  }

  async *#begin(making: Making): AsyncGenerator<Wanted> {
    if (await this.#prepare(making)) yield* this.#entries(making);
  }

  /** Looks whether a set can come; returns false if not, or if nothing of it is to be fetched. */
  async #prepare(making: Making): Promise<boolean> {
    const { set } = making;
    if (set.obstacle !== null) hold(making, set.obstacle);
    else {
      try {
        if (set.leaving > 0) {
          making.leaving = await this.#sets.leaving(set.unit);
        }
        await this.#findRoom(making);
      } catch (error) {
        hold(making, { path: null, error: describe(error) });
        if (error instanceof NoRoomError) this.#run.onNoRoom(error);
        else if ((error as Error).name !== "RefusedError") throw error;
      }
    }
    if (making.held === undefined) this.#complete(making);
    making.isPossible = making.held === undefined && !making.isWhole;
    return making.isPossible;
  }

  /** Files of a set; if `failedBefore` says so, only those that failed last time, or only the others. */
  async *#entries(
    making: Making,
    failedBefore?: boolean,
  ): AsyncGenerator<Wanted> {
    for await (const entry of this.#wanted(making.set)) {
      if ((failedBefore ?? entry.failedBefore) !== entry.failedBefore) continue;
      this.#ofPath.set(entry.path, making);
      yield entry;
    }
  }

  async *#wanted({ unit }: PendingSet): AsyncGenerator<Wanted> {
    const { ledger } = this.#tools;
    const pages = pagesOf<Wanted>((last) =>
      ledger.wanted(last ?? null, page, unit)
    );
    for await (const entries of pages) yield* entries;
  }

  /** @throws {NoRoomError} If the disk has no room for all of a set. */
  async #findRoom({ set }: Making): Promise<void> {
    const { space } = this.#tools;
    const claim = (bytes: number, files: number) => {
      try {
        space.release(space.claim(bytes, files));
      } catch (error) {
        if (!(error instanceof FileError || error instanceof NoRoomError)) {
          throw error;
        }
        throw new NoRoomError(
          `The set ${set.name} does not fit: ${error.message}`,
          {
            cause: error,
            hint:
              "free some space there; nothing of the set is shown until then",
          },
        );
      }
    };
    try {
      claim(set.bytes, set.files);
    } catch {
      // Some of it may be here already.
      const { bytes, files } = await this.#toCome(set);
      claim(bytes, files);
    }
  }

  async #toCome(set: PendingSet): Promise<{ bytes: number; files: number }> {
    const { staging, destination } = this.#tools;
    const toCome = { bytes: 0, files: 0 };
    for await (const entry of this.#wanted(set)) {
      if (destination.sizeOf(entry.path) === entry.size) continue;
      toCome.bytes += Math.max(0, entry.size - staging.held(entry));
      if (!staging.holds(entry)) toCome.files++;
    }
    return toCome;
  }

  #complete(making: Making): void {
    if (making.left > 0 || making.held !== undefined) return;
    making.isWhole = true;
    if (!this.#sets.isOrdered) return this.#release(making);
    for (const each of this.#makings) {
      if (each.isReleased) continue;
      if (!each.isWhole || each.held !== undefined) return;
      this.#release(each);
    }
  }

  #release(making: Making): void {
    const { set: { unit, name }, ready: files, leaving } = making;
    const whole = { unit, name, files, leaving };
    for (const { entry } of files) this.#ofPath.set(entry.path, making);
    making.isReleased = this.#run.isClear(whole);
    for (const { entry } of files) this.#ofPath.delete(entry.path);
    if (making.isReleased) this.#run.onWhole(whole);
  }
}

function hold(making: Making, told: Obstacle | null): void {
  making.held ??= { told };
}
