/**
 * A copy run: takes the wanted entries, fetches many at a time, makes them
 * durable batch by batch, puts them in place, and reports them.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import type { CopyConfig } from "../config/config.ts";
import {
  describe,
  exitStatus,
  FileError,
  LocalError,
  LostWritesError,
  RelaisError,
  StoppedError,
  toFailure,
} from "../errors.ts";
import type { FailedFile } from "../state/pass-report.ts";
import type { Copied } from "./operations.ts";
import type { Wanted } from "../files/wanted.ts";
import { NoRoomError } from "../files/space.ts";
import { SlowError } from "../ssh/read-range.ts";
import { BlockedError } from "../files/directories.ts";
import { clearTheWay, show } from "../files/show.ts";
import type { HeldSet } from "../state/sets.ts";
import { Assembly, type WholeSet } from "./assembly.ts";
import { Slots } from "./window.ts";
import { Obtaining, type Ready } from "./obtain.ts";
import type { Tools } from "./tools.ts";

/** Entries asked from the ledger at a time. */
const page = 1_000;

/** A batch is committed when it has so many files or bytes: a barrier costs the same for one file as for many. */
const batchFiles = 2_000;
const batchBytes = 128 * 1024 * 1024;

/** Or when its first file has waited so long: what is slow must not keep back what is whole. */
const batchMs = 2_000;

/** After so many files in a row that did not fit, no other is tried. */
const mostRefused = 1_000;

/** Pause before the first retry; doubles up to the longest, with jitter. */
const firstPauseMs = 1_000;
const longestPauseMs = 60_000;

/** What a copy run leaves alone. */
export interface Exceptions {
  /** Paths that this pass has tried already. */
  readonly without: ReadonlySet<string>;
  /** All but these paths. @default nothing else */
  readonly only?: ReadonlySet<string> | undefined;
}

/** One copy run from one server. */
export class Copier {
  readonly #tools: Tools;
  readonly #retries: number;
  readonly #slots: Slots;
  readonly #without: ReadonlySet<string>;
  readonly #only: ReadonlySet<string> | undefined;
  readonly #obtaining: Obtaining;
  /** Sets in the making, where files come in sets. */
  readonly #assembly: Assembly | undefined;
  readonly #failed: FailedFile[] = [];
  /** Failed files that something else is in the way of. */
  readonly #blocked: string[] = [];
  /** Failed files that came too slowly. */
  readonly #slow: string[] = [];
  /** Files that are here of those that alone were meant. */
  readonly #got: string[] = [];
  /** Under way when the server was lost: one of them may be why. */
  readonly #interrupted: FailedFile[] = [];
  #batch: Ready[] = [];
  /** The sets that are made of the batch. */
  #batchSets: WholeSet[] = [];
  #batchBytes = 0;
  #batchTimer: ReturnType<typeof setTimeout> | undefined;
  #committing: Promise<void> = Promise.resolve();
  /** Steps of committing that wait or are under way. */
  #steps = 0;
  #again: Wanted[] = [];
  /** True if there are entries that failed before. */
  #isAnyPutOff = false;
  /** Paths that sets take away, which then are in nobody's way. */
  readonly #leaving = new Set<string>();
  #removed = 0;
  readonly #shown: string[] = [];
  #held: readonly HeldSet[] = [];
  #copied = 0;
  #adopted = 0;
  #bytes = 0;
  #reused = 0;
  /** What ends the run at once: a lost server, a disk that fails. */
  #end: unknown;
  /** Why some files were not fetched: the disk has no room for them. */
  #noRoom: NoRoomError | undefined;
  /** Files in a row for which there was none. */
  #refused = 0;
  /** Ends a pause between attempts. */
  readonly #ended = new AbortController();

  constructor(
    tools: Tools,
    { parallel, retries, delta }: CopyConfig,
    { without, only }: Exceptions = { without: new Set() },
  ) {
    this.#without = without;
    this.#only = only;
    this.#tools = tools;
    this.#retries = retries;
    this.#obtaining = new Obtaining(tools, { delta }, {
      end: () => this.#end,
      flushEarly: () => this.#flushEarly(),
    });
    this.#assembly = tools.sets && new Assembly(tools, tools.sets, {
      isClear: (set) => this.#isClear(set),
      onWhole: (set) => this.#readySet(set),
      onNoRoom: (error) => this.#noRoom ??= error,
    });
    this.#slots = new Slots(Math.min(parallel, tools.fetcher.maxFiles));
  }

  /** Copies all that is wanted. Never throws: what ended it early is part of what it returns. */
  async run(): Promise<Omit<Copied, "wireBytes">> {
    try {
      await this.#copyAll(this.#fresh());
      for (
        let retry = 0;
        retry < this.#retries && this.#again.length > 0;
        retry++
      ) {
        await delay(pause(retry), { signal: this.#ended.signal });
        await this.#copyAll(this.#retry(retry + 1 === this.#retries));
      }
      for (const sweep of this.#putOff()) await this.#copyAll(sweep);
    } catch (error) {
      this.#endWith(error);
    }
    await this.#finish();
    return {
      copied: this.#copied,
      adopted: this.#adopted,
      bytes: this.#bytes,
      reused: this.#reused,
      failed: this.#failed,
      blocked: this.#blocked,
      slow: this.#slow,
      got: this.#got,
      removed: this.#removed,
      shown: this.#shown,
      held: this.#held,
      ended: this.#reason === undefined ? null : toFailure(this.#reason),
    };
  }

  /** Why not all was copied. */
  get #reason(): unknown {
    return this.#end ?? this.#noRoom;
  }

  /** Starts nothing more; {@link run} ends when what is whole is committed. */
  stop(reason: RelaisError = stopped()): void {
    this.#endWith(reason);
  }

  #endWith(error: unknown): void {
    this.#end ??= error;
    this.#ended.abort();
  }

  /** Entries that have never failed. */
  async *#fresh(): AsyncGenerator<Attempt> {
    const last = this.#retries === 0;
    if (this.#assembly !== undefined) {
      for await (const entry of this.#meant(this.#assembly.fresh())) {
        yield { entry, last };
      }
      return;
    }
    for await (const entry of this.#entries()) {
      if (entry.failedBefore) this.#isAnyPutOff = true;
      else yield { entry, last };
    }
  }

  /** What failed last time comes after all others, so that none waits for it. */
  *#putOff(): Generator<AsyncGenerator<Attempt>> {
    if (this.#assembly === undefined) return yield this.#putOffFiles();
    for (const entries of ["failing", "others"] as const) {
      yield this.#lastAttempts(this.#assembly[entries]());
    }
  }

  async *#lastAttempts(
    entries: AsyncGenerator<Wanted>,
  ): AsyncGenerator<Attempt> {
    for await (const entry of this.#meant(entries)) yield { entry, last: true };
  }

  /** The files of sets; one that was tried already is known not to come. */
  async *#meant(entries: AsyncGenerator<Wanted>): AsyncGenerator<Wanted> {
    for await (const entry of entries) {
      if (this.#isMeant(entry)) yield entry;
      else this.#assembly?.fail(entry.path, null);
    }
  }

  async *#putOffFiles(): AsyncGenerator<Attempt> {
    if (!this.#isAnyPutOff) return;
    for await (const entry of this.#entries()) {
      if (entry.failedBefore) yield { entry, last: true };
    }
  }

  async *#entries(): AsyncGenerator<Wanted> {
    const { ledger } = this.#tools;
    for (let entries = await ledger.wanted(null, page); entries.length > 0;) {
      // The next page is on its way while this one is worked on.
      const next = ledger.wanted(entries.at(-1)!, page);
      next.catch(() => {});
      for (const entry of entries) {
        if (this.#isMeant(entry)) yield entry;
      }
      entries = await next;
    }
  }

  #isMeant({ path }: Wanted): boolean {
    return !this.#without.has(path) && (this.#only?.has(path) ?? true);
  }

  *#retry(last: boolean): Generator<Attempt> {
    const entries = this.#again;
    this.#again = [];
    for (const entry of entries) yield { entry, last };
  }

  /** Starts each attempt as soon as there are slots for it, and waits for all. */
  async #copyAll(
    attempts: AsyncIterable<Attempt> | Iterable<Attempt>,
  ): Promise<void> {
    for await (const { entry, last } of attempts) {
      const slots = this.#tools.fetcher.slotsFor(
        entry.size,
        this.#slots.total,
      );
      await this.#slots.take(slots);
      if (this.#end !== undefined || this.#refused >= mostRefused) {
        this.#slots.give(slots);
        break;
      }
      this.#attempt(entry, slots, last).finally(() => this.#slots.give(slots));
    }
    await this.#slots.take(this.#slots.total);
    this.#slots.give(this.#slots.total);
    if (this.#end !== undefined) throw this.#end;
  }

  /** Copies one file; what goes wrong with it is noted, what goes wrong with all ends the run. */
  async #attempt(entry: Wanted, slots: number, last: boolean): Promise<void> {
    try {
      this.#ready(await this.#obtaining.obtain(entry, slots));
      this.#refused = 0;
    } catch (cause) {
      const error = translate(cause, entry.path);
      if (error instanceof NoRoomError) this.#goWithout(entry, error);
      else if (!(error instanceof FileError)) this.#interrupt(entry, error);
      else if (!last && error.retriable) {
        this.#tools.observer.retrying(entry, error);
        this.#again.push(entry);
      } else this.#fail(entry.path, error);
    }
  }

  /** Leaves a file for another pass. What is under way goes on, and what fits is begun. */
  #goWithout({ path }: Wanted, error: NoRoomError): void {
    this.#assembly?.fail(path, describe(error));
    this.#noRoom ??= error;
    // The disk was found full while it was written to: what is left is not known.
    if (error.cause !== undefined) this.#refused = mostRefused;
    else this.#refused++;
  }

  /** Ends the run. What was under way when a server was lost is put off, and so is what was to be tried again. */
  #interrupt(entry: Wanted, error: unknown): void {
    const isStopped = this.#end instanceof StoppedError;
    this.#endWith(error);
    // A pass that is stopped lets go of its server: no file is to blame for that.
    if (isStopped) return;
    if ((error as RelaisError).exitStatus !== exitStatus.unavailable) return;
    const text = describe(error);
    for (const { path } of [entry, ...this.#again]) {
      this.#interrupted.push({ path, error: text });
    }
    this.#again = [];
  }

  /** Has the disk write while the network brings more, so that the barrier of the batch is short. */
  #flushEarly(): void {
    const { durability, destination } = this.#tools;
    this.#commitAfter(() => durability.barrier(destination.into));
  }

  #ready(ready: Ready): void {
    if (this.#assembly === undefined) this.#addToBatch([ready]);
    else this.#assembly.add(ready);
  }

  #readySet(set: WholeSet): void {
    this.#batchSets.push(set);
    for (const path of set.leaving) this.#leaving.add(path);
    this.#addToBatch(set.files);
  }

  /** What is in the way of a set is found before anything of it is moved. */
  #isClear({ files, leaving }: WholeSet): boolean {
    const going = new Set([...this.#leaving, ...leaving]);
    let isClear = true;
    for (const { entry: { path }, staged } of files) {
      if (staged === null) continue;
      try {
        clearTheWay(this.#tools.destination, path, going);
      } catch (cause) {
        const error = translate(cause, path);
        if (!(error instanceof FileError)) throw error;
        this.#fail(path, error);
        isClear = false;
      }
    }
    return isClear;
  }

  #addToBatch(files: readonly Ready[]): void {
    for (const ready of files) {
      this.#batch.push(ready);
      this.#batchBytes += ready.staged === null ? 0 : ready.entry.size;
    }
    const full = this.#batch.length >= batchFiles ||
      this.#batchBytes >= batchBytes;
    if (full) this.#commitSoon();
    else this.#batchTimer ??= setTimeout(() => this.#commitOld(), batchMs);
  }

  /** Commits what has waited for long, unless the disk is still busy with the batch before it. */
  #commitOld(): void {
    this.#batchTimer = undefined;
    if (this.#steps === 0) this.#commitSoon();
    else this.#batchTimer = setTimeout(() => this.#commitOld(), batchMs);
  }

  /** Commits what is ready, after the batch before it; fetching goes on meanwhile. */
  #commitSoon(): void {
    clearTimeout(this.#batchTimer);
    this.#batchTimer = undefined;
    const batch = this.#batch;
    this.#batch = [];
    this.#batchBytes = 0;
    const sets = this.#batchSets;
    this.#batchSets = [];
    this.#commitAfter(() =>
      this.#assembly === undefined ? this.#commit(batch) : this.#show(sets)
    );
  }

  /** A disk tells only once that it could not write: after that nothing more is committed. */
  #commitAfter(step: () => Promise<void>): void {
    this.#steps++;
    this.#committing = this.#committing.then(step).finally(() => this.#steps--);
    this.#committing.catch((error) => this.#endWith(error));
  }

  /** Stage, barrier, rename, barrier, then commit: see docs/durability.md. */
  async #commit(batch: readonly Ready[]): Promise<void> {
    if (batch.length === 0) return;
    const { server, destination, durability, moves, ledger, observer } =
      this.#tools;
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
    await ledger.arrived(
      placed.map(({ entry: { path, seq }, staged }) => ({
        path,
        seq,
        fetched: staged !== null,
      })),
    );
    moves.settled();
    for (const ready of placed) this.#count(ready);
    observer.committed(placed.length);
    if (error !== undefined) throw error;
  }

  /** The same for whole sets: what is noted of them is completed, whatever comes. */
  async #show(sets: readonly WholeSet[]): Promise<void> {
    if (sets.length === 0) return;
    const { server, destination, durability, moves, observer } = this.#tools;
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
    const change = { arriving: coming, leaving };
    const failed = new Set<string>();
    const began = performance.now();
    const notMoved = await show(destination, change);
    const seconds = (performance.now() - began) / 1_000;
    for (const { path, error } of notMoved) {
      failed.add(path);
      this.#fail(path, error);
    }
    await durability.barrier(destination.into);
    const placed = files.filter(({ entry }) => !failed.has(entry.path));
    const gone = leaving.map(({ gone }) => gone)
      .filter((path) => !failed.has(path));
    await ledger.shown({
      units,
      gone,
      files: placed.map(({ entry: { path, seq }, staged }) => ({
        ...{ path, seq },
        fetched: staged !== null,
      })),
    });
    moves.settled();
    this.#removed += gone.length;
    for (const ready of placed) this.#count(ready);
    observer.committed(placed.length);
    for (const { name } of sets) {
      this.#shown.push(name);
      ledger.onShown(name, seconds);
    }
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
      this.#fail(entry.path, error);
      return false;
    }
  }

  #count({ entry, staged, reused }: Ready): void {
    if (this.#only !== undefined) this.#got.push(entry.path);
    if (staged === null) {
      this.#adopted++;
      this.#tools.observer.adopted(entry);
      return;
    }
    this.#tools.observer.arrived(entry);
    this.#copied++;
    this.#bytes += entry.size;
    this.#reused += reused;
  }

  #fail(path: string, error: unknown): void {
    const text = describe(error);
    const file = {
      path,
      error: text.includes(path) ? text : `${path}: ${text}`,
    };
    this.#failed.push(file);
    if (error instanceof BlockedError) this.#blocked.push(path);
    if (error instanceof SlowError) this.#slow.push(path);
    this.#assembly?.fail(path, file.error);
    this.#tools.observer.failed(file);
  }

  /** Commits the last batch, and notes what failed, however the run ended. */
  async #finish(): Promise<void> {
    this.#commitSoon();
    try {
      await this.#committing;
      await this.#tools.ledger.failed(this.#failed);
      await this.#tools.ledger.failed(this.#interrupted);
      this.#held = await this.#assembly?.settle() ?? [];
    } catch (error) {
      // It could be read back, from memory, as if it were there.
      if (error instanceof LostWritesError) this.#tools.staging.discard();
      this.#endWith(error);
    }
  }
}

function stopped(): StoppedError {
  return new StoppedError("stopped before all was copied");
}

interface Attempt {
  readonly entry: Wanted;
  /** True if there will be no further one. */
  readonly last: boolean;
}

/** There is no room, or we may use no more of it. */
const full = new Set(["ENOSPC", "EDQUOT"]);

/** Trouble with the disk that no other file would escape. */
const diskTrouble = new Set([
  ...full,
  "EROFS",
  "EIO",
  "EMFILE",
  "ENFILE",
]);

/** Says of an error from the file system whether it concerns `path` alone, or the disk. */
function translate(error: unknown, path: string): unknown {
  if (error instanceof RelaisError || !(error instanceof Error)) return error;
  const { code } = error as { code?: string };
  if (code === undefined) return error;
  if (!diskTrouble.has(code)) {
    return new FileError(`Cannot place ${path}: ${error.message}`, {
      cause: error,
    });
  }
  const kind = full.has(code) ? NoRoomError : LocalError;
  return new kind(`Cannot write ${path}: ${error.message}`, {
    cause: error,
    hint: code.endsWith("FILE")
      ? "allow more open files (ulimit -n, LimitNOFILE=), or lower copy.parallel"
      : "check the owner, permissions and free space of replica.into",
  });
}

function pause(retry: number): number {
  const longest = Math.min(longestPauseMs, firstPauseMs * 2 ** retry);
  return longest * (0.5 + Math.random() / 2);
}
