/**
 * Making one file of what is here of it.
 *
 * The old version is searched for the blocks of the new one. From a server that is
 * near, the new one is made meanwhile, and the old one is read once. Over a long
 * link it is searched to its end first, so that all that is missing can be asked for
 * together, and read again: there it is the link that takes the time.
 *
 * @module
 */

import { Blocks } from "../delta/blocks.ts";
import { Frontier } from "../delta/frontier.ts";
import { recipeOf, restOf, type Stretch } from "../delta/recipe.ts";
import { sample } from "../delta/sample.ts";
import {
  type Progress,
  Search,
  search,
  windowSizeOf,
} from "../delta/search.ts";
import type { Signature } from "../delta/signature.ts";
import { weakSum } from "../delta/sums.ts";
import {
  fastServer,
  goesOn,
  isBarren,
  pays,
  type Prospect,
} from "../delta/worth.ts";
import { FileError } from "../errors.ts";
import type { CloneCheck } from "../files/staged-file.ts";
import type { Wanted } from "../files/wanted.ts";
import { Along, memoryAlong } from "./along.ts";
import { appendedTo, seemsAppended } from "./appended.ts";
import { type Fetcher, heard, type Hearer, pathOn } from "./fetch.ts";
import type { Asked, BlocksToCome } from "./fetch-signature.ts";
import type { OldFile } from "./old-file.ts";
import { type FetchRanges, type Piece, rebuild } from "./rebuild.ts";
import type { Slots } from "./window.ts";

/** What a file is made with. */
export interface MakingTools {
  readonly fetcher: Pick<
    Fetcher,
    "rate" | "limit" | "roundTripMs" | "fetchRanges" | "fetchLarge"
  >;
  readonly observer: ReuseObserver;
}

/** Hears of it. */
export interface ReuseObserver extends Hearer {
  /** So many bytes of what is here have been read, to search them or to take them over. */
  readHere(bytes: number): void;
  /** What is here of it cannot be used, or has not come to what it should: it is fetched whole. */
  notReused(entry: Wanted, error: unknown): void;
}

/** A file to fetch, from `start` on. */
export interface Task extends Asked {
  readonly start: number;
  /** Tells that nobody wants it any more. */
  isOver(): boolean;
  /**
   * Begins the file with so many bytes of another one, if that takes no copying, as
   * far as they stand the check; returns how many are there then.
   */
  clone(path: string, bytes: number, check?: CloneCheck): Promise<number>;
}

/** What a file is made of, and how. */
export interface Means {
  /** Closed in the end. */
  readonly old: OldFile;
  /** True if it has the same contents. */
  readonly isTwin: boolean;
  /** True if it is made so even if that takes longer. */
  readonly always: boolean;
  /** Bytes of memory that all files in the making share. */
  readonly memory: Slots;
  /** Fetches the signature; `admit` waits until there is memory for it and for the search. */
  signature(
    admit: (blocks: BlocksToCome) => Promise<void>,
  ): Promise<Signature | undefined>;
}

/** Stretches of an old version that are looked at to estimate how much of it is of use. */
const sampleCount = 32;

/** Bytes that are fetched to measure the server, at most and as a share of the file. */
const fetchedToMeasure = 16 * 1024 * 1024;
const shareToMeasure = 1 / 32;

/** Which share of an old version must be of use as its beginning, for all of it to be cloned. */
const leastCloned = 0.5;

/** Bytes of memory for each block: the signature as it comes and as it is read, and the tables to find blocks by and to note them in. */
const bytesPerBlock = 72;

/** The most that is kept of an old version while the new one waits for the server. */
const mostKept = 16 * 1024 * 1024;

/** Which share of a new version may be fetched although it is in the old one, somewhere else, so that the old one need not be read twice. */
const mostSpare = 1 / 16;

/** How an old version is searched. */
interface Plan {
  readonly blocks: Blocks;
  readonly prospect: Prospect;
  /** Tells whether to go on. */
  readonly goOn: (progress: Progress) => boolean;
}

/** One file in the making. */
export class Making {
  readonly #tools: MakingTools;
  readonly #task: Task;
  readonly #means: Means;
  #start: number;
  #reused = 0;
  #reuses = false;
  /** Of the memory for all. */
  #taken = 0;

  constructor(tools: MakingTools, task: Task, means: Means) {
    this.#tools = tools;
    this.#task = task;
    this.#means = means;
    this.#start = task.start;
  }

  /** Bytes so far that were here already. */
  get reused(): number {
    return this.#reused;
  }

  /** Tells whether the file is made of what was here, as far as that has come. */
  get reuses(): boolean {
    return this.#reuses;
  }

  /**
   * Yields the file from its start on, in order; the bytes of a piece are
   * overwritten by the next one.
   *
   * @throws {FileError} If the server does not give the file, or what is here has changed.
   */
  async *bytes(): AsyncGenerator<Uint8Array> {
    using old = this.#means.old;
    try {
      yield* this.#all(old);
    } finally {
      this.#means.memory.give(this.#taken);
    }
  }

  async *#all(old: OldFile): AsyncGenerator<Uint8Array> {
    const plan = yield* this.#plan(old);
    const recipe = "blocks" in plan ? yield* this.#search(old, plan) : plan;
    if (recipe.every(({ old }) => old === null)) return yield* this.#rest();
    this.#reuses = true;
    const rest = restOf(recipe, await this.#clone(old, recipe));
    const pieces = rebuild(rest, old, this.#fetchRanges);
    for await (const { bytes, fromOld } of pieces) {
      if (fromOld) this.#read(bytes.length);
      yield bytes;
    }
  }

  /** Fetches what is left. */
  async *#rest(): AsyncGenerator<Uint8Array> {
    const { fetcher, observer } = this.#tools;
    const { entry: { size }, slots } = this.#task;
    if (this.#start === size && this.#reuses) return;
    const rest = { start: this.#start, size, slots };
    yield* heard(fetcher.fetchLarge(this.#path, rest), observer);
  }

  /** Clones what the old version begins with, if the new one does, too; returns where to go on. */
  async #clone(old: OldFile, [first]: readonly Stretch[]): Promise<number> {
    const isBeginning = this.#start === 0 && first?.old === 0 &&
      first.end >= leastCloned * old.size;
    if (!isBeginning || old.path === undefined) return this.#start;
    const cloned = await this.#task.clone(old.path, first.end);
    this.#read(cloned);
    return cloned;
  }

  /** Takes in that so much was read of the old version, and is of use. */
  #read(bytes: number): void {
    this.#reused += bytes;
    this.#tools.observer.readHere(bytes);
  }

  /** Makes the recipe, or tells how to search; may fetch, and yield, some of the file before it. */
  async *#plan(old: OldFile): AsyncGenerator<Uint8Array, Stretch[] | Plan> {
    const { size } = this.#task.entry;
    if (this.#means.isTwin) {
      return [{ start: this.#start, end: size, old: this.#start }];
    }
    try {
      const signature = await this.#means.signature((blocks) =>
        this.#admit(old, blocks)
      );
      if (signature === undefined) return await this.#appended(old);
      return yield* this.#weigh(old, new Blocks(signature));
    } catch (error) {
      this.#notReused(error);
      return [];
    }
  }

  /** Takes the memory for a signature, and for a search by it. */
  async #admit(
    { size }: OldFile,
    { count, blockSize }: BlocksToCome,
  ): Promise<void> {
    const { memory } = this.#means;
    const window = windowSizeOf(blockSize, size);
    const kept = canKeep(window) ? memoryAlong(window) : window;
    const bytes = Math.min(memory.total, count * bytesPerBlock + kept);
    await memory.take(bytes);
    this.#taken = bytes;
  }

  async #appended(old: OldFile): Promise<Stretch[]> {
    const { size } = this.#task.entry;
    return await seemsAppended(old, size, this.#fetchRanges)
      ? appendedTo(old.size, { start: this.#start, end: size })
      : [];
  }

  /** Takes samples of the old version, and if need be of the server; returns no recipe if to search does not pay. */
  async *#weigh(
    old: OldFile,
    blocks: Blocks,
  ): AsyncGenerator<Uint8Array, Stretch[] | Plan> {
    const { fetcher } = this.#tools;
    const { share, useful } = sample(old, blocks, sampleCount);
    const isOver = () => this.#task.isOver();
    let prospect: Prospect = {
      size: this.#task.entry.size,
      oldSize: old.size,
      share,
      reading: old.rate(),
      fetching: fetcher.rate ?? Math.min(fastServer, fetcher.limit),
    };
    if (this.#means.always) {
      return { blocks, prospect, goOn: () => !isOver() };
    }
    const isClear = fetcher.rate !== undefined || share === 0 || pays(prospect);
    if (!isClear) {
      prospect = { ...prospect, fetching: yield* this.#measureFetching() };
    }
    if (!pays(prospect)) return [];
    const goOn = (progress: Progress) =>
      !isOver() && !isBarren(progress, useful) && goesOn(progress, prospect);
    return { blocks, prospect, goOn };
  }

  /** Searches the old version; yields what can be made meanwhile, and returns the recipe of the rest. */
  async *#search(
    old: OldFile,
    plan: Plan,
  ): AsyncGenerator<Uint8Array, Stretch[]> {
    const { blocks, prospect } = plan;
    try {
      const searching = await this.#begin(old, blocks);
      let { searched } = searching.progress;
      const goOn = (progress: Progress) => {
        this.#tools.observer.readHere(progress.searched - searched);
        ({ searched } = progress);
        return plan.goOn(progress);
      };
      if (this.#isNear(searching, prospect)) {
        const spare = prospect.size - prospect.share * prospect.oldSize;
        const frontier = new Frontier(blocks, {
          next: Math.floor(this.#start / blocks.signature.blockSize),
          spare: Math.max(0, spare) + mostSpare * prospect.size,
          placeOf: (block) => searching.placeOf(block),
        });
        const along = new Along({
          old,
          search: searching,
          frontier,
          goOn,
          start: this.#start,
          fetchRanges: this.#fetchRanges,
        });
        for await (const piece of along.pieces()) yield this.#made(piece);
        // The digest will tell.
        if (along.isCut) return [];
      }
      const { places } = await search(searching, goOn);
      return recipeOf(blocks.signature, places, this.#start);
    } catch (error) {
      // Where something was reused, that may be why.
      if (this.#reuses) throw error;
      this.#notReused(error);
      return [];
    }
  }

  /** Clones what both versions begin with where that is much, and begins the search behind it. */
  async #begin(old: OldFile, blocks: Blocks): Promise<Search> {
    const { size, blockSize } = blocks.signature;
    const whole = Math.floor(Math.min(size, old.size) / blockSize);
    const isRight = (block: number, bytes: Uint8Array) =>
      blocks.seems(block, weakSum(bytes));
    const isInPlace = (block: number) => {
      const bytes = new Uint8Array(blockSize);
      return old.read(block * blockSize, bytes) === blockSize &&
        isRight(block, bytes);
    };
    const canClone = this.#start === 0 && old.path !== undefined &&
      whole * blockSize >= leastCloned * old.size &&
      isInPlace(0) && isInPlace(Math.floor(leastCloned * whole));
    if (!canClone) return new Search(old, blocks);
    // Nobody but relais can change the clone: so it is that which is searched.
    const check = { unit: blockSize, isRight };
    const cloned = await this.#task.clone(old.path, whole * blockSize, check);
    if (cloned > 0) this.#reuses = true;
    this.#read(cloned);
    this.#start = cloned;
    const block = cloned / blockSize;
    return new Search(old, blocks, { position: cloned, block });
  }

  /** Tells whether waiting for the server now and then takes less time than to read the old version again. */
  #isNear({ windowSize }: Search, { reading, oldSize }: Prospect): boolean {
    if (!canKeep(windowSize)) return false;
    const memory = memoryAlong(windowSize);
    const { roundTripMs } = this.#tools.fetcher;
    return oldSize <= memory || roundTripMs * reading < memory;
  }

  /** Counts a piece that was made along the search. */
  #made({ bytes, fromOld }: Piece): Uint8Array {
    if (fromOld) {
      this.#reuses = true;
      this.#reused += bytes.length;
    }
    this.#start += bytes.length;
    return bytes;
  }

  /** Fetches some of the file to see how quickly it comes; none of it is lost. */
  async *#measureFetching(): AsyncGenerator<Uint8Array, number> {
    const { size } = this.#task.entry;
    const length = Math.min(fetchedToMeasure, Math.ceil(shareToMeasure * size));
    const end = Math.min(size, this.#start + length);
    let began: number | undefined;
    let bytes = 0;
    for await (
      const piece of this.#fetchRanges([{ start: this.#start, end }])
    ) {
      if (began !== undefined) bytes += piece.length;
      began ??= performance.now();
      this.#start += piece.length;
      yield piece;
    }
    const ms = performance.now() - (began ?? 0);
    return Math.max(this.#tools.fetcher.rate ?? 0, bytes / Math.max(1, ms));
  }

  readonly #fetchRanges: FetchRanges = (ranges) =>
    heard(
      this.#tools.fetcher.fetchRanges(this.#path, ranges, this.#task.slots),
      this.#tools.observer,
    );

  get #path(): string {
    return pathOn(this.#task.root, this.#task.entry);
  }

  #notReused(error: unknown): void {
    if (!(error instanceof FileError)) throw error;
    this.#tools.observer.notReused(this.#task.entry, error);
  }
}

/** Tells whether there may be memory for several windows of this size. */
function canKeep(windowSize: number): boolean {
  return memoryAlong(windowSize) <= mostKept;
}
