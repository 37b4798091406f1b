/**
 * Fetching only what is not on the replica yet: a large file is made of its
 * older version, of a part of one that was begun, or of a file with the same
 * contents. What comes of it is checked as any other file is.
 *
 * @module
 */

import type { Delta } from "../config/config.ts";
import { Blocks } from "../delta/blocks.ts";
import { recipeOf, restOf, type Stretch } from "../delta/recipe.ts";
import { estimate, search } from "../delta/search.ts";
import type { Signature } from "../delta/signature.ts";
import { fastServer, goesOn, pays, type Prospect } from "../delta/worth.ts";
import { FileError } from "../errors.ts";
import type { Wanted } from "../files/wanted.ts";
import { appendedTo, seemsAppended } from "./appended.ts";
import type { Destination } from "../files/destination.ts";
import { type Fetcher, heard, type Hearer, pathOn } from "./fetch.ts";
import { type Asked, fetchSignature } from "./fetch-signature.ts";
import { OldFile } from "./old-file.ts";
import { type FetchRanges, rebuild } from "./rebuild.ts";
import type { Staging } from "../files/staging.ts";

/** What making files of older ones works with. */
export interface ReuseTools {
  readonly fetcher: Fetcher;
  readonly destination: Destination;
  readonly staging: Staging;
  readonly observer: ReuseObserver;
}

/** Hears of it. */
export interface ReuseObserver extends Hearer {
  /** So many bytes of what is here have been searched, or taken over. */
  readHere(bytes: number): void;
  /** What is here of it cannot be used, or has not come to what it should: it is fetched whole. */
  notReused(entry: Wanted, error: unknown): void;
}

/** A file to fetch, from `start` on. */
export interface Task extends Asked {
  readonly start: number;
  /** Tells that nobody wants it any more. */
  isOver(): boolean;
  /** Begins the file with so many bytes of another one, if that takes no copying; returns how many are there then. */
  clone(path: string, bytes: number): Promise<number>;
}

/** Stretches of an old version that are looked at to estimate how much of it is of use. */
const sampleCount = 32;

/** Bytes that are fetched to measure the server, at most and as a share of the file, and read to measure the disk. */
const fetchedToMeasure = 16 * 1024 * 1024;
const shareToMeasure = 1 / 32;
const readToMeasure = 4 * 1024 * 1024;

/** Which share of an old version must be of use as its beginning, for all of it to be cloned. */
const leastCloned = 0.5;

/** Makes files of what is here, in one copy run. */
export class Reuse {
  readonly #tools: ReuseTools;
  readonly #delta: Delta;
  /** Size of the largest file that was found to have no signature: smaller ones have none either. */
  #unsigned = 0;
  /** What did not come to what it should once is not tried again. */
  readonly #distrusted = new Set<string>();

  constructor(tools: ReuseTools, delta: Delta) {
    this.#tools = tools;
    this.#delta = delta;
  }

  /** Begins to make a file; `undefined` if there is nothing to make it of. */
  begin(task: Task): Making | undefined {
    const { entry } = task;
    if (this.#delta === "never" || entry.digest === null) return undefined;
    if (this.#distrusted.has(entry.path)) return undefined;
    const found = this.#find(entry);
    if (found === undefined) return undefined;
    return new Making(this.#tools, task, {
      ...found,
      always: this.#delta === "always",
      signature: () => this.#signature(task),
    });
  }

  /** Has a file fetched whole from now on. */
  distrust({ path }: Wanted): void {
    this.#distrusted.add(path);
  }

  /** Opens the file with the same contents, or else the largest part of an older version. */
  #find(entry: Wanted): Pick<Means, "old" | "isTwin"> | undefined {
    const { staging } = this.#tools;
    const twin = entry.twin === null ? undefined : this.#open(entry.twin);
    if (twin?.size === entry.size) return { old: twin, isTwin: true };
    twin?.[Symbol.dispose]();
    const here = this.#open(entry.path);
    const begun = staging.others(entry)
      .map((path) => orNothing(() => OldFile.open(path)));
    const olds = [here, ...begun].filter((old) => old !== undefined);
    const [old, ...others] = olds.sort((a, b) => b.size - a.size);
    for (const other of others) other[Symbol.dispose]();
    if (old === undefined || old.size > 0) return old && { old, isTwin: false };
    old[Symbol.dispose]();
    return undefined;
  }

  #open(path: string): OldFile | undefined {
    return orNothing(() => {
      const opened = this.#tools.destination.open(path);
      return opened && new OldFile(path, opened.file, opened.path);
    });
  }

  async #signature(task: Task): Promise<Signature | undefined> {
    const { size } = task.entry;
    if (this.#delta === "auto" && size <= this.#unsigned) return undefined;
    const signature = await fetchSignature(this.#tools.fetcher, task);
    if (signature === undefined) {
      this.#unsigned = Math.max(this.#unsigned, size);
    }
    return signature;
  }
}

/** What a file is made of, and how. */
interface Means {
  /** Closed in the end. */
  readonly old: OldFile;
  /** True if it has the same contents. */
  readonly isTwin: boolean;
  /** True if it is made so even if that takes longer. */
  readonly always: boolean;
  signature(): Promise<Signature | undefined>;
}

/** One file in the making. */
export class Making {
  readonly #tools: ReuseTools;
  readonly #task: Task;
  readonly #means: Means;
  #start: number;
  #reused = 0;
  #reuses = false;

  constructor(tools: ReuseTools, task: Task, means: Means) {
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
    const recipe = yield* this.#plan(old);
    if (recipe.every(({ old }) => old === null)) {
      const { fetcher } = this.#tools;
      const { entry, slots } = this.#task;
      const rest = { start: this.#start, size: entry.size, slots };
      const pieces = fetcher.fetchLarge(this.#path, rest);
      return yield* heard(pieces, this.#tools.observer);
    }
    this.#reuses = true;
    const rest = restOf(recipe, await this.#clone(old, recipe));
    for await (
      const { bytes, fromOld } of rebuild(rest, old, this.#fetchRanges)
    ) {
      if (fromOld) this.#take(bytes.length);
      yield bytes;
    }
  }

  /** Clones what the old version begins with, if the new one does, too; returns where to go on. */
  async #clone(old: OldFile, [first]: readonly Stretch[]): Promise<number> {
    const isBeginning = this.#start === 0 && first?.old === 0 &&
      first.end >= leastCloned * old.size;
    if (!isBeginning || old.path === undefined) return this.#start;
    const cloned = await this.#task.clone(old.path, first.end);
    this.#take(cloned);
    return cloned;
  }

  #take(bytes: number): void {
    this.#reused += bytes;
    this.#tools.observer.readHere(bytes);
  }

  /** Makes the recipe; may fetch, and yield, some of the file before it. */
  async *#plan(old: OldFile): AsyncGenerator<Uint8Array, Stretch[]> {
    const { size } = this.#task.entry;
    if (this.#means.isTwin) {
      return [{ start: this.#start, end: size, old: this.#start }];
    }
    try {
      const signature = await this.#means.signature();
      if (signature === undefined) return await this.#appended(old);
      return yield* this.#search(old, signature);
    } catch (error) {
      this.#notReused(error);
      return [];
    }
  }

  async #appended(old: OldFile): Promise<Stretch[]> {
    const { size } = this.#task.entry;
    return await seemsAppended(old, size, this.#fetchRanges)
      ? appendedTo(old.size, { start: this.#start, end: size })
      : [];
  }

  async *#search(
    old: OldFile,
    signature: Signature,
  ): AsyncGenerator<Uint8Array, Stretch[]> {
    const blocks = new Blocks(signature);
    let goOn: (found: number) => boolean = () => true;
    if (!this.#means.always) {
      const prospect = yield* this.#prospect(old, blocks);
      if (!pays(prospect)) return [];
      const began = performance.now();
      goOn = (found) =>
        goesOn({ found, ms: performance.now() - began }, prospect);
    }
    let searched = 0;
    const { places } = await search(old, blocks, (progress) => {
      this.#tools.observer.readHere(progress.searched - searched);
      ({ searched } = progress);
      return !this.#task.isOver() && goOn(progress.found);
    });
    return recipeOf(signature, places, this.#start);
  }

  /** Takes samples of the old version, and if need be of the server. */
  async *#prospect(
    old: OldFile,
    blocks: Blocks,
  ): AsyncGenerator<Uint8Array, Prospect> {
    const { fetcher } = this.#tools;
    const prospect = {
      size: this.#task.entry.size,
      oldSize: old.size,
      share: estimate(old, blocks, sampleCount),
      reading: measureReading(old),
      fetching: fetcher.rate ?? Math.min(fastServer, fetcher.limit),
    };
    const isClear = fetcher.rate !== undefined || prospect.share === 0 ||
      pays(prospect);
    if (isClear) return prospect;
    return { ...prospect, fetching: yield* this.#measureFetching() };
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

/** What cannot be reached or read is of no use, and no reason to fail: it is fetched. */
function orNothing(
  open: () => OldFile | undefined,
): OldFile | undefined {
  try {
    return open();
  } catch {
    return undefined;
  }
}

/** Reads some of the middle of a file, and returns how many bytes came in a millisecond. */
function measureReading(old: OldFile): number {
  const bytes = new Uint8Array(Math.min(old.size, readToMeasure));
  const began = performance.now();
  old.read(Math.floor((old.size - bytes.length) / 2), bytes);
  return bytes.length / Math.max(0.01, performance.now() - began);
}
