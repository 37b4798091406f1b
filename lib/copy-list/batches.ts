/**
 * Batches of whole files on their way into place: made durable together, put in
 * place, made durable there, and committed. See docs/durability.md.
 *
 * @module
 */

import { FileError } from "../errors.ts";
import { clearTheWay, show } from "../files/show.ts";
import type { WholeSet } from "./assembly.ts";
import { translate } from "./disk-trouble.ts";
import type { Ready } from "./obtain.ts";
import type { Tools } from "./tools.ts";

/** A batch is committed when it has so many files or bytes: a barrier costs the same for one file as for many. */
const batchFiles = 2_000;
const batchBytes = 128 * 1024 * 1024;

/** Or when its first file has waited so long: what is slow must not keep back what is whole. */
const batchMs = 2_000;

/** Batches, and flushes, that may wait for the disk before no other file is begun. */
const mostSteps = 3;

/** Files that may be whole and not committed, but for those under way then; sets are whole as large as they are. */
export const mostUncommitted = (mostSteps + 1) * batchFiles;

/** The copy run that batches are made in. */
export interface BatchRun {
  /** Hears of a file that is in place, durably. */
  onPlaced(ready: Ready): void;
  /** Hears of a file that cannot be put in place. */
  onFailed(path: string, error: unknown): void;
  /** Hears of a set that is in place, durably, and how many files went with it and the others that were shown together. */
  onShown(names: readonly string[], removed: number): void;
  /** Hears that nothing more can be committed. */
  onEnd(error: unknown): void;
}

/** The batches of one copy run. */
export class Batches {
  readonly #tools: Tools;
  readonly #run: BatchRun;
  #files: Ready[] = [];
  /** The sets that the files make up, where files come in sets. */
  #sets: WholeSet[] = [];
  #bytes = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #committing: Promise<void> = Promise.resolve();
  /** Steps of committing that wait or are under way. */
  #steps = 0;
  #onStep = Promise.withResolvers<void>();
  /** True if a flush waits that will write all there is by then. */
  #willFlush = false;
  /** Paths that sets take away, which then are in nobody's way. */
  readonly #leaving = new Set<string>();

  constructor(tools: Tools, run: BatchRun) {
    this.#tools = tools;
    this.#run = run;
  }

  /** Adds a file that is whole. */
  add(ready: Ready): void {
    this.#add([ready]);
  }

  /** Adds a set that is whole. */
  addSet(set: WholeSet): void {
    this.#sets.push(set);
    for (const path of set.leaving) this.#leaving.add(path);
    this.#add(set.files);
  }

  /** Tells whether nothing is in the way of a set, before anything of it is moved; says what is. */
  isClear({ files, leaving }: WholeSet): boolean {
    const going = new Set([...this.#leaving, ...leaving]);
    let isClear = true;
    for (const { entry: { path }, staged } of files) {
      if (staged === null) continue;
      try {
        clearTheWay(this.#tools.destination, path, going);
      } catch (cause) {
        const error = translate(cause, path);
        if (!(error instanceof FileError)) throw error;
        this.#run.onFailed(path, error);
        isClear = false;
      }
    }
    return isClear;
  }

  /** Has the disk write while the network brings more, so that the barrier of the batch is short. */
  flushEarly(): void {
    if (this.#willFlush) return;
    this.#willFlush = true;
    const { durability, destination } = this.#tools;
    this.#commitAfter(() => {
      this.#willFlush = false;
      return durability.barrier(destination.into);
    });
  }

  /** Waits until the disk has caught up: a server that is faster must not fill the memory with what waits. */
  async room(): Promise<void> {
    while (this.#steps >= mostSteps) await this.#onStep.promise;
  }

  /** Commits the last batch; returns when all are, or throws what ended it. */
  async finish(): Promise<void> {
    this.#commitSoon();
    await this.#committing;
  }

  #add(files: readonly Ready[]): void {
    for (const ready of files) {
      this.#files.push(ready);
      this.#bytes += ready.staged === null ? 0 : ready.entry.size;
    }
    const full = this.#files.length >= batchFiles || this.#bytes >= batchBytes;
    if (full) this.#commitSoon();
    else this.#timer ??= setTimeout(() => this.#commitOld(), batchMs);
  }

  /** Commits what has waited for long, unless the disk is still busy with the batch before it. */
  #commitOld(): void {
    this.#timer = undefined;
    if (this.#steps === 0) this.#commitSoon();
    else this.#timer = setTimeout(() => this.#commitOld(), batchMs);
  }

  /** Commits what is ready, after the batch before it; fetching goes on meanwhile. */
  #commitSoon(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const files = this.#files;
    const sets = this.#sets;
    this.#files = [];
    this.#sets = [];
    this.#bytes = 0;
    this.#commitAfter(() =>
      this.#tools.sets === undefined ? this.#commit(files) : this.#show(sets)
    );
  }

  /** A disk tells only once that it could not write: after that nothing more is committed. */
  #commitAfter(step: () => Promise<void>): void {
    this.#steps++;
    this.#committing = this.#committing.then(step).finally(() => {
      this.#steps--;
      this.#onStep.resolve();
      this.#onStep = Promise.withResolvers();
    });
    this.#committing.catch((error) => this.#run.onEnd(error));
  }

  /** Stage, barrier, rename, barrier, then commit: see docs/durability.md. */
  async #commit(batch: readonly Ready[]): Promise<void> {
    if (batch.length === 0) return;
    const { server, destination, durability, moves, ledger } = this.#tools;
    const coming = batch.filter(({ staged }) => staged !== null);
    try {
      moves.arriving(server, coming.map(({ entry }) => entry));
    } catch (error) {
      if (batch.length === 1) throw error;
      // On a full disk there may be room for a shorter note.
      const half = Math.ceil(batch.length / 2);
      await this.#commit(batch.slice(0, half));
      return await this.#commit(batch.slice(half));
    }
    await durability.barrier(destination.into);
    const { placed, error } = this.#placeAll(batch);
    destination.release();
    await durability.barrier(destination.into);
    await ledger.arrived(placed.map(arrived));
    moves.settled();
    this.#count(placed);
    if (error !== undefined) throw error;
  }

  /** The same for whole sets: what is noted of them is completed, whatever comes. */
  async #show(sets: readonly WholeSet[]): Promise<void> {
    if (sets.length === 0) return;
    const { server, destination, durability, moves } = this.#tools;
    const { trash, ...ledger } = this.#tools.sets!;
    const files = sets.flatMap(({ files }) => files);
    const coming = files.flatMap(({ entry, staged }) =>
      staged === null ? [] : [{ entry, path: entry.path, staged }]
    );
    const leaving = sets.flatMap((set) =>
      set.leaving.map((gone) => ({ gone, trash }))
    );
    const units = sets.map(({ unit }) => unit);
    try {
      const arriving = coming.map(({ entry }) => entry);
      moves.showing({ server, sets: units, arriving, leaving });
    } catch (error) {
      if (sets.length === 1) throw error;
      const half = Math.ceil(sets.length / 2);
      await this.#show(sets.slice(0, half));
      return await this.#show(sets.slice(half));
    }
    try {
      await durability.barrier(destination.into);
    } catch (error) {
      // Nothing has been moved yet.
      moves.settled();
      throw error;
    }
    const failed = new Set<string>();
    const began = performance.now();
    const notMoved = await show(destination, { arriving: coming, leaving });
    const seconds = (performance.now() - began) / 1_000;
    for (const { path, error } of notMoved) {
      failed.add(path);
      this.#run.onFailed(path, error);
    }
    await durability.barrier(destination.into);
    const placed = files.filter(({ entry }) => !failed.has(entry.path));
    const gone = leaving.map(({ gone }) => gone)
      .filter((path) => !failed.has(path));
    await ledger.shown({ units, gone, files: placed.map(arrived) });
    moves.settled();
    this.#count(placed);
    this.#run.onShown(sets.map(({ name }) => name), gone.length);
    for (const { name } of sets) ledger.onShown(name, seconds);
  }

  /** Puts a batch in place, as far as the disk lets; returns what is there. */
  #placeAll(batch: readonly Ready[]): { placed: Ready[]; error?: unknown } {
    const placed: Ready[] = [];
    try {
      for (const ready of batch) if (this.#place(ready)) placed.push(ready);
      return { placed };
    } catch (error) {
      return { placed, error };
    }
  }

  #place({ entry, staged }: Ready): boolean {
    if (staged === null) return true;
    this.#tools.ledger.assertHeld?.();
    try {
      this.#tools.destination.place(staged, entry.path);
      return true;
    } catch (cause) {
      const error = translate(cause, entry.path);
      if (!(error instanceof FileError)) throw error;
      this.#run.onFailed(entry.path, error);
      return false;
    }
  }

  #count(placed: readonly Ready[]): void {
    for (const ready of placed) this.#run.onPlaced(ready);
    this.#tools.observer.committed(placed.length);
  }
}

/** What the ledger is told of a file in place. */
function arrived({ entry: { path, seq }, staged }: Ready) {
  return { path, seq, fetched: staged !== null };
}
