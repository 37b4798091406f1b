/**
 * The writing end of a list: append-only, one write a line, and one writer for
 * each generation.
 *
 * @module
 */

import type { Compaction } from "../config/config.ts";
import { LocalError } from "../errors.ts";
import type { Entry } from "../list/entry.ts";
import {
  formatLine,
  formatSet,
  noSet,
  type SetOfLines,
} from "../list/format.ts";
import {
  type Timestamp,
  timestampFromMilliseconds,
} from "../text/timestamp.ts";
import { findList } from "./find-list.ts";
import { entryAt, type FoundList, type From, takeOver } from "./generation.ts";
import { ListMemory } from "./list-memory.ts";
import type { Live } from "./live.ts";
import { systemReason } from "../text/system-reason.ts";

/** Name of the list in the directory of relais in an export. */
const name = "list";

const encoder = new TextEncoder();

/** Appends to the list in `directory`, which its caller has locked. */
export class ListWriter implements Disposable {
  /** The files that it names. */
  readonly live: Live;
  /** Defects of the list that were repaired, for the log. */
  readonly mended: readonly string[];
  /** True if this began a new generation, which is durable after the next barrier. */
  readonly isNew: boolean;
  readonly #path: string;
  readonly #writer: string;
  #file: Deno.FsFile;
  #size: number;
  #generation: string;
  #seq: number;
  /** The last number that is in a set; `null`: the list has no sets. */
  #inSets: number | null;
  /** Lines that tell of a file. */
  #lines: number;
  /** Generation that was taken over, and the ones before it, nearest first. */
  #ancestry: readonly From[];

  private constructor(path: string, writer: string, found: FoundList) {
    this.#path = path;
    this.#writer = writer;
    this.isNew = found.isNew;
    this.#generation = found.generation;
    this.mended = found.mended;
    this.live = found.live;
    this.#seq = found.seq;
    this.#inSets = found.inSets;
    this.#lines = found.lines;
    this.#ancestry = found.ancestry;
    this.#file = Deno.openSync(path, { read: true, append: true });
    this.#size = this.#file.statSync().size;
  }

  /**
   * Opens the list, makes one if there is none, and mends a last line that was
   * torn by a crash. A list that somebody else wrote is taken over by a new
   * generation: it may go on elsewhere.
   *
   * @param writer Who writes from now on.
   * @param memory Spares reading a list that is as the last run left it.
   * @throws {LocalError} If it cannot be used.
   */
  static async open(
    directory: string,
    writer: string,
    memory: ListMemory = new ListMemory(),
  ): Promise<ListWriter> {
    const path = `${directory}/${name}`;
    try {
      const found = memory.recall(path, writer) ??
        await findList(path, writer);
      // It changes from now on: who does not come to an end reads it again.
      memory.forget();
      found.live.unmark();
      return new ListWriter(path, writer, found);
    } catch (cause) {
      throw new LocalError(
        `Cannot use the list ${path}: ${systemReason(cause)}`,
        {
          cause,
          hint: `check the owner, permissions and free space of ${directory}`,
        },
      );
    }
  }

  get generation(): string {
    return this.#generation;
  }

  /** Returns the last line of a file that the list names. */
  entry(path: string): Entry | undefined {
    return entryAt(this.#file, this.live, path);
  }

  /**
   * Appends one line by one write. What it names must be complete, and durable.
   *
   * @param published When it was published first. @default now
   */
  append(
    entry: Omit<Entry, "seq" | "published">,
    published: Timestamp = timestampFromMilliseconds(Date.now()),
  ): void {
    if (this.#inSets === null) this.#endSet(noSet);
    const line: Entry = { ...entry, seq: ++this.#seq, published };
    const place = this.#size;
    this.#write(encoder.encode(formatLine(line)));
    this.#lines++;
    if (entry.op === "+") this.live.set(entry.path, { ...entry, place });
    else this.live.delete(entry.path);
  }

  /** Says that the lines since the last set belong together, those of a run that was cut off included. */
  endSet(): void {
    const inSets = this.#inSets ?? 0;
    if (inSets < this.#seq) {
      this.#endSet({ first: inSets + 1, last: this.#seq });
    }
  }

  #endSet(set: SetOfLines): void {
    this.#write(encoder.encode(formatSet(set)));
    this.#inSets = set.last;
  }

  /** One write, or none: on a full disk it may be short. */
  #write(line: Uint8Array): void {
    let why = "its disk is full";
    try {
      if (this.#file.writeSync(line) === line.length) {
        this.#size += line.length;
        return;
      }
    } catch (error) {
      why = (error as Error).message;
    }
    this.#file.truncateSync(this.#size);
    throw new LocalError(`Cannot append to the list ${this.#path}: ${why}`, {
      hint: "free some space there; the next run continues",
    });
  }

  /** Makes what was appended durable: on a busy disk that takes long. */
  async sync(): Promise<void> {
    await this.#file.syncData();
  }

  /**
   * Begins a new generation of the list if most of its lines are obsolete; returns
   * whether it did. Each entry keeps the date on which it was published.
   */
  async compact({ size, share }: Compaction): Promise<boolean> {
    if (this.#size < size) return false;
    if (this.live.size > share * this.#lines) return false;
    const ancestry = [
      { generation: this.#generation, seq: this.#seq },
      ...this.#ancestry,
    ];
    const next = await takeOver(this.#path, this.#writer, ancestry, {
      file: this.#file,
      live: this.live,
      inSets: this.#inSets,
    });
    this.#file.close();
    this.#file = Deno.openSync(this.#path, { read: true, append: true });
    this.#size = this.#file.statSync().size;
    this.#generation = next.generation;
    this.#seq = next.seq;
    this.#inSets = next.inSets;
    this.#lines = next.lines;
    this.#ancestry = next.ancestry;
    return true;
  }

  /** Sets the date of the list to now: the publisher lives. */
  heartbeat(): void {
    const now = new Date();
    Deno.utimeSync(this.#path, now, now);
  }

  /** Remembers the list as it is now; nothing may be appended any more. */
  keepIn(memory: ListMemory): void {
    memory.keep(this.#path, this.#writer, {
      generation: this.#generation,
      ancestry: this.#ancestry,
      isNew: false,
      live: this.live,
      seq: this.#seq,
      inSets: this.#inSets,
      lines: this.#lines,
      mended: [],
    });
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}
