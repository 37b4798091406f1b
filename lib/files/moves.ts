/**
 * The moves of files into place and out of it, noted before the first one is
 * made and until the state knows of them. A crash in between leaves a replica
 * on which the state and the disk say different things; the next pass, before
 * it does anything else, holds what was noted against the disk.
 *
 * Sets are noted whole, and what was begun of them is completed: half a set is never
 * left there.
 *
 * @module
 */

import type { Durability } from "./durability.ts";
import { FileError, LocalError } from "../errors.ts";
import { lookAt } from "./if-there.ts";
import { Journal } from "./journal.ts";
import type { Arrived, Wanted } from "./wanted.ts";
import { adopt } from "./adopt.ts";
import type { Destination } from "./destination.ts";
import { isWhole } from "./staged-file.ts";
import { stagedName } from "./staged-name.ts";
import { type Leaving, type NotMoved, show } from "./show.ts";

/** A file that comes into place: what its server's list says of it. */
type Arrival = Omit<Wanted, "here"> & { readonly server: string };

/** The first line of a note of sets: of whose list they are. */
interface Heading {
  readonly sets: readonly number[];
  readonly server: string;
}

/** The last one. Without it the note never was durable, and nothing was moved. */
const ending = { isWhole: true } as const;

type Line = Arrival | Leaving | Heading | typeof ending;

/** Sets that are about to be shown. */
export interface Shown {
  readonly server: string;
  /** See {@link PendingSet.unit}. */
  readonly sets: readonly number[];
  readonly arriving: readonly Wanted[];
  readonly leaving: readonly Leaving[];
}

/** What a recovery has come to. */
export interface Recovered {
  /** Moves that were noted. */
  readonly moves: number;
  /** Files in the way of which something has come meanwhile. */
  readonly failed: readonly NotMoved[];
}

/** Part of the synchronised list that moves are reported to. */
export interface Told {
  arrived(server: string, files: readonly Arrived[]): Promise<unknown>;
  removed(paths: readonly string[]): Promise<unknown>;
  shown(
    server: string,
    shown: {
      readonly units: readonly number[];
      readonly files: readonly Arrived[];
      readonly gone: readonly string[];
    },
  ): Promise<unknown>;
}

/** The moves under way on a replica. */
export class Moves {
  readonly #destination: Destination;
  readonly #durability: Durability;
  readonly #journal: Journal;
  /** True while sets are being shown: nothing else is noted before they are. */
  #isShowing = false;

  constructor(destination: Destination, durability: Durability) {
    this.#destination = destination;
    this.#durability = durability;
    this.#journal = new Journal(destination.journal);
  }

  /** Notes that files of `server` are about to come into place; durable with the next barrier. */
  arriving(server: string, entries: readonly Wanted[]): void {
    this.#write(entries.map(({ here: _, ...entry }) => ({ ...entry, server })));
  }

  /** Notes that files are about to go. */
  leaving(paths: readonly string[]): void {
    this.#write(paths.map((gone) => ({ gone })));
  }

  /** Notes that sets are about to be shown, all of each. */
  showing({ server, sets, arriving, leaving }: Shown): void {
    this.#write([
      { sets, server },
      ...arriving.map(({ here: _, ...entry }) => ({ ...entry, server })),
      ...leaving,
      ending,
    ]);
    this.#isShowing = true;
  }

  /** The state knows of all that was noted, or nothing of it was done. */
  settled(): void {
    this.#journal.clear();
    this.#isShowing = false;
  }

  /**
   * Tells the synchronised list of the moves that were made and not told when
   * relais ended, and completes sets that were begun.
   *
   * @throws {LocalError} If what is there cannot be made durable.
   */
  async recover(told: Told): Promise<Recovered> {
    const [first, ...others] = this.#journal.read().flatMap(parse);
    if (first === undefined) return { moves: 0, failed: [] };
    if ("sets" in first) return await this.#complete(first, others, told);
    const moves = [first, ...others];
    const arrived = new Map<string, Arrived[]>();
    const removed: string[] = [];
    for (const move of moves) {
      if ("gone" in move) {
        if (this.#isGone(move.gone)) removed.push(move.gone);
      } else if ("path" in move && await this.#isHere(move)) {
        const { server, path, seq } = move;
        const file = { path, seq, fetched: true };
        arrived.set(server, [...arrived.get(server) ?? [], file]);
      }
    }
    this.#destination.removeEmptied(removed);
    await this.#durability.barrier(this.#destination.into);
    for (const [server, files] of arrived) await told.arrived(server, files);
    if (removed.length > 0) await told.removed(removed);
    this.settled();
    return { moves: moves.length, failed: [] };
  }

  /** Completes sets, unless nothing of them was moved and their files are not all there. */
  async #complete(
    { server, sets }: Heading,
    others: readonly Line[],
    told: Told,
  ): Promise<Recovered> {
    const arriving = others.filter((line) => "path" in line);
    const leaving = others.filter((line) => "gone" in line);
    const staged = arriving.filter((move) =>
      lookAt(this.#stagedPath(move)) !== undefined
    );
    const isBegun = staged.length < arriving.length &&
      await this.#isAnyHere(arriving, staged);
    const isNoted = others.some((line) => "isWhole" in line);
    if (!isNoted || !isBegun && !await this.#areWhole(arriving)) {
      this.settled();
      return { moves: 0, failed: [] };
    }
    this.#isShowing = true;
    const failed = await show(this.#destination, {
      arriving: staged.map((move) => ({
        path: move.path,
        staged: this.#stagedPath(move),
      })),
      leaving,
    });
    await this.#durability.barrier(this.#destination.into);
    const files: Arrived[] = [];
    for (const move of arriving) {
      const { path, seq } = move;
      if (await this.#isHere(move)) files.push({ path, seq, fetched: true });
    }
    const gone = leaving.map(({ gone }) => gone).filter((path) =>
      this.#isGone(path)
    );
    await told.shown(server, { units: sets, files, gone });
    this.settled();
    return { moves: arriving.length + leaving.length, failed };
  }

  #stagedPath(move: Arrival): string {
    return `${this.#destination.staging}/${stagedName(move)}`;
  }

  async #isAnyHere(
    arriving: readonly Arrival[],
    staged: readonly Arrival[],
  ): Promise<boolean> {
    const left = new Set(staged);
    for (const move of arriving) {
      if (!left.has(move) && await this.#isHere(move)) return true;
    }
    return false;
  }

  async #areWhole(arriving: readonly Arrival[]): Promise<boolean> {
    for (const move of arriving) {
      if (!await isWhole(this.#stagedPath(move), move)) return false;
    }
    return true;
  }

  #write(moves: readonly Line[]): void {
    if (this.#isShowing) {
      throw new LocalError(
        `Cannot change ${this.#destination.into}: a set is shown by half`,
        { hint: "the next pass completes it before anything else" },
      );
    }
    this.#journal.write(moves.map((move) => JSON.stringify(move)));
  }

  async #isHere(move: Arrival): Promise<boolean> {
    try {
      return await adopt(this.#destination, { ...move, here: null });
    } catch (error) {
      // A link or a file is in its way: whatever is there is not this file.
      if (error instanceof FileError) return false;
      throw error;
    }
  }

  #isGone(path: string): boolean {
    try {
      // A directory may be in its place by now.
      return this.#destination.look(path)?.isFile !== true;
    } catch (error) {
      // A file or a link is where its directory was.
      if (error instanceof FileError) return true;
      throw error;
    }
  }
}

/** A line that a power cut has spoilt was not durable, and so nothing was moved after it. */
function parse(line: string): Line[] {
  try {
    return [JSON.parse(line)];
  } catch {
    return [];
  }
}
