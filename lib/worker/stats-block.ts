/**
 * The stats block: the figures of all modules in one piece of shared memory.
 *
 * A single figure changes without any lock. Figures that belong together are
 * changed, and read, under the semaphore of their section, so that no snapshot
 * is torn.
 *
 * @module
 */

import { type ModuleName, moduleNames } from "./protocol.ts";
import {
  type Figure,
  type FigureName,
  figures,
  type GaugeName,
} from "./figures.ts";
import * as layout from "./stats-layout.ts";
import { Semaphore, semaphoreWords } from "./semaphore.ts";

/** The values of a section, as the block holds them. */
export type Values<Module extends ModuleName> = Record<
  FigureName<Module>,
  bigint
>;

/** The shared memory of all figures. */
export class StatsBlock {
  /** To be posted to workers, which {@link attach} to it. */
  readonly buffer: SharedArrayBuffer;
  readonly #owner: number;

  private constructor(buffer: SharedArrayBuffer, user: ModuleName | undefined) {
    this.buffer = buffer;
    this.#owner = ownerNumber(user);
  }

  /** Makes a block, all zero. For the main thread. */
  static create(): StatsBlock {
    const buffer = new SharedArrayBuffer(layout.blockLength);
    const header = new Int32Array(buffer);
    header[layout.headerWord.magic] = layout.magic;
    header[layout.headerWord.version] = layout.version;
    header[layout.headerWord.layout] = layout.layoutHash;
    new BigInt64Array(buffer, layout.createdAt, 1)[0] = BigInt(Date.now());
    return new StatsBlock(buffer, undefined);
  }

  /**
   * Returns the block in `buffer`, for the module `user`; who names itself can
   * be freed from with {@link forget}.
   *
   * @throws {TypeError} If there is no such block in it.
   */
  static attach(buffer: SharedArrayBuffer, user?: ModuleName): StatsBlock {
    const header = new Int32Array(buffer);
    const same = buffer.byteLength === layout.blockLength &&
      header[layout.headerWord.magic] === layout.magic &&
      header[layout.headerWord.version] === layout.version &&
      header[layout.headerWord.layout] === layout.layoutHash;
    if (!same) {
      throw new TypeError(
        "Cannot attach to the stats block: it was laid out by another version of relais",
      );
    }
    return new StatsBlock(buffer, user);
  }

  /** When the block was made, in milliseconds since the epoch. */
  get created(): number {
    return Number(new BigInt64Array(this.buffer, layout.createdAt, 1)[0]);
  }

  /** Returns true the first time that any worker asks: a stat module that replaces another must not restore again. */
  claimRestore(): boolean {
    const header = new Int32Array(this.buffer);
    return Atomics.exchange(header, layout.headerWord.restored, 1) === 0;
  }

  /** Returns the section of a module. */
  section<Module extends ModuleName>(module: Module): Section<Module> {
    return new Section(this.buffer, module, this.#owner);
  }

  /** Frees every semaphore that a module held when it went. Never blocks. */
  forget(module: ModuleName): void {
    for (const name of moduleNames) {
      this.section(name).resetOwner(ownerNumber(module));
    }
  }
}

/** Semaphores know modules by number; 0 is who did not say its name, as the main thread. */
function ownerNumber(module: ModuleName | undefined): number {
  return module === undefined ? 0 : moduleNames.indexOf(module) + 1;
}

/** The figures of one module. */
export class Section<Module extends ModuleName> {
  readonly #declared: Readonly<Record<string, Figure>>;
  readonly #index: ReadonlyMap<string, number>;
  readonly #values: BigInt64Array<SharedArrayBuffer>;
  readonly #semaphore: Semaphore;

  constructor(buffer: SharedArrayBuffer, module: Module, owner: number) {
    const { semaphore, figures: start, index } = layout.places.get(module)!;
    this.#declared = figures[module];
    this.#index = index;
    this.#values = new BigInt64Array(buffer, start, index.size);
    this.#semaphore = new Semaphore(
      new Int32Array(buffer, semaphore, semaphoreWords),
      owner,
    );
  }

  /** Notes that the module starts, and its heart too. Never blocks. */
  begin(): void {
    this.#store("started", BigInt(Date.now()));
    this.#store("heartbeat", 0n);
  }

  /** Returns a figure as the block holds it: durations and dates in milliseconds. Never blocks. */
  get(name: FigureName<Module>): bigint {
    return Atomics.load(this.#values, this.#at(name));
  }

  /**
   * Adds a whole number to a figure and returns what it is now. Never blocks.
   * Wraps at 2^63, which no figure reaches.
   *
   * @throws {RangeError} If a counter were to shrink, or `amount` is no whole number.
   */
  add(name: FigureName<Module>, amount: number | bigint): bigint {
    const value = BigInt(amount);
    if (value < 0n && this.#isCounter(name)) {
      throw new RangeError(`Cannot add ${amount} to ${name}: it only grows`);
    }
    return Atomics.add(this.#values, this.#at(name), value) + value;
  }

  /** Says how things are. Never blocks. */
  set(name: GaugeName<Module>, value: number): void {
    this.#store(name, BigInt(value));
  }

  /** Adds to counters and sets gauges, all at once for whoever takes a snapshot. May block: for workers. */
  together(changes: Partial<Record<FigureName<Module>, number>>): void {
    this.#semaphore.withLock(() => {
      for (const [name, amount] of Object.entries(changes)) {
        this.#change(name as FigureName<Module>, amount as number);
      }
    });
  }

  /** Returns all figures as they were at one moment. May block: for workers. */
  snapshot(): Values<Module> {
    return this.#semaphore.withLock(() => this.#read());
  }

  /** Goes on from an earlier process. Never blocks. */
  restore(name: FigureName<Module>, value: bigint): void {
    this.#change(name, value);
  }

  /** Frees the semaphore if `owner` went while holding it; see {@link StatsBlock.forget}. */
  resetOwner(owner: number): void {
    this.#semaphore.resetOwner(owner);
  }

  #change(name: FigureName<Module>, amount: number | bigint): void {
    if (this.#isCounter(name)) this.add(name, amount);
    else this.#store(name, BigInt(amount));
  }

  #read(): Values<Module> {
    const entries = [...this.#index].map((
      [name, at],
    ) => [name, Atomics.load(this.#values, at)]);
    return Object.fromEntries(entries);
  }

  #store(name: string, value: bigint): void {
    Atomics.store(this.#values, this.#at(name), value);
  }

  #at(name: string): number {
    return this.#index.get(name)!;
  }

  #isCounter(name: string): boolean {
    return this.#declared[name]!.kind === "counter";
  }
}
