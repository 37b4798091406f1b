/**
 * The moves of files into place and out of it, noted before the first one is
 * made and until the state knows of them. A crash in between leaves a replica
 * on which the state and the disk say different things; the next pass, before
 * it does anything else, holds what was noted against the disk.
 *
 * @module
 */

import type { Durability } from "./durability.ts";
import { FileError } from "../errors.ts";
import { Journal } from "./journal.ts";
import type { Arrived, Wanted } from "./wanted.ts";
import { adopt } from "./adopt.ts";
import type { Destination } from "./destination.ts";

/** A file that comes into place: what its server's list says of it. */
type Arrival = Omit<Wanted, "here"> & { readonly server: string };

/** A file that goes. */
interface Departure {
  readonly gone: string;
}

/** Part of the synchronised list that moves are reported to. */
export interface Told {
  arrived(server: string, files: readonly Arrived[]): Promise<unknown>;
  removed(paths: readonly string[]): Promise<unknown>;
}

/** The moves under way on a replica. */
export class Moves {
  readonly #destination: Destination;
  readonly #durability: Durability;
  readonly #journal: Journal;

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

  /** The state knows of all that was noted. */
  settled(): void {
    this.#journal.clear();
  }

  /**
   * Tells the synchronised list of the moves that were made and not told when
   * relais ended; returns how many.
   *
   * @throws {LocalError} If what is there cannot be made durable.
   */
  async recover(told: Told): Promise<number> {
    const moves = this.#journal.read().flatMap(parse);
    if (moves.length === 0) return 0;
    const arrived = new Map<string, Arrived[]>();
    const removed: string[] = [];
    for (const move of moves) {
      if ("gone" in move) {
        if (this.#isGone(move.gone)) removed.push(move.gone);
      } else if (await this.#isHere(move)) {
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
    return moves.length;
  }

  #write(moves: readonly (Arrival | Departure)[]): void {
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
      return this.#destination.look(path) === undefined;
    } catch (error) {
      // A file or a link is where its directory was.
      if (error instanceof FileError) return true;
      throw error;
    }
  }
}

/** A line that a power cut has spoilt was not durable, and so nothing was moved after it. */
function parse(line: string): (Arrival | Departure)[] {
  try {
    return [JSON.parse(line)];
  } catch {
    return [];
  }
}
