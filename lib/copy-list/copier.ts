/**
 * A copy run: takes the wanted entries, fetches many at a time, has them put in
 * place batch by batch, and reports them.
 *
 * @module
 */

import type { CopyConfig } from "../config/config.ts";
import {
  describe,
  exitStatus,
  FileError,
  LostWritesError,
  type RelaisError,
  StoppedError,
  toFailure,
} from "../errors.ts";
import { BlockedError } from "../files/directories.ts";
import { NoRoomError } from "../files/space.ts";
import type { Wanted } from "../files/wanted.ts";
import { SlowError } from "../ssh/read-range.ts";
import type { FailedFile } from "../state/pass-report.ts";
import type { HeldSet } from "../state/sets.ts";
import { Assembly } from "./assembly.ts";
import { Batches } from "./batches.ts";
import { type Attempt, Choice, type Exceptions } from "./choice.ts";
import { translate } from "./disk-trouble.ts";
import { Obtaining, type Ready } from "./obtain.ts";
import type { Copied } from "./operations.ts";
import type { Tools } from "./tools.ts";
import { Slots } from "./window.ts";

/** After so many files in a row that did not fit, no other is tried. */
const mostRefused = 1_000;

/** One copy run from one server. */
export class Copier {
  readonly #tools: Tools;
  readonly #slots: Slots;
  readonly #obtaining: Obtaining;
  readonly #choice: Choice;
  readonly #batches: Batches;
  /** Sets in the making, where files come in sets. */
  readonly #assembly: Assembly | undefined;
  /** True if only some paths are meant, and which of them came is to be told. */
  readonly #isForSome: boolean;
  readonly #failed: FailedFile[] = [];
  /** Failed files that something else is in the way of. */
  readonly #blocked: string[] = [];
  /** Failed files that came too slowly. */
  readonly #slow: string[] = [];
  /** Files that are here of those that alone were meant. */
  readonly #got: string[] = [];
  /** Under way when the server was lost: one of them may be why. */
  readonly #interrupted: FailedFile[] = [];
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
    exceptions: Exceptions = { without: new Set() },
  ) {
    this.#tools = tools;
    this.#isForSome = exceptions.only !== undefined;
    this.#batches = new Batches(tools, {
      onPlaced: (ready) => this.#count(ready),
      onFailed: (path, error) => this.#fail(path, error),
      onShown: (names, removed) => {
        this.#shown.push(...names);
        this.#removed += removed;
      },
      onEnd: (error) => this.#endWith(error),
    });
    this.#obtaining = new Obtaining(tools, { delta }, {
      end: () => this.#end,
      flushEarly: () => this.#batches.flushEarly(),
    });
    const assembly = tools.sets && new Assembly(tools, tools.sets, {
      isClear: (set) => this.#batches.isClear(set),
      onWhole: (set) => this.#batches.addSet(set),
      onNoRoom: (error) => this.#noRoom ??= error,
    });
    this.#assembly = assembly;
    const { signal } = this.#ended;
    this.#choice = new Choice(
      { ledger: tools.ledger, assembly, retries, signal },
      exceptions,
    );
    this.#slots = new Slots(Math.min(parallel, tools.fetcher.maxFiles));
  }

  /** Copies all that is wanted. Never throws: what ended it early is part of what it returns. */
  async run(): Promise<Omit<Copied, "wireBytes">> {
    try {
      for await (const sweep of this.#choice.sweeps()) {
        await this.#copyAll(sweep);
      }
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

  /** Starts each attempt as soon as there are slots for it, and waits for all. */
  async #copyAll(
    attempts: AsyncIterable<Attempt> | Iterable<Attempt>,
  ): Promise<void> {
    for await (const { entry, last } of attempts) {
      const slots = this.#tools.fetcher.slotsFor(
        entry.size,
        this.#slots.total,
      );
      await this.#batches.room();
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
        this.#choice.tryAgain(entry);
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
    for (const { path } of [entry, ...this.#choice.giveUp()]) {
      this.#interrupted.push({ path, error: text });
    }
  }

  #ready(ready: Ready): void {
    if (this.#assembly === undefined) this.#batches.add(ready);
    else this.#assembly.add(ready);
  }

  #count({ entry, staged, reused }: Ready): void {
    if (this.#isForSome) this.#got.push(entry.path);
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
    try {
      await this.#batches.finish();
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
