/**
 * Getting one wanted file: taken for the copy it is, made of what is here of it,
 * or fetched.
 *
 * @module
 */

import type { CopyConfig } from "../config/config.ts";
import { FileError } from "../errors.ts";
import type { Wanted } from "../files/wanted.ts";
import { adopt } from "../files/adopt.ts";
import { BlockedError } from "../files/directories.ts";
import type { Tools } from "./tools.ts";
import { heard, pathOn } from "./fetch.ts";
import type { Making } from "./making.ts";
import { Reuse } from "./reuse.ts";
import type { StagedFile } from "../files/staged-file.ts";
import { release } from "../worker/release.ts";

/** A file that waits to be made durable and put in place. */
export interface Ready {
  readonly entry: Wanted;
  /** Path of the staged file; `null` if the file was in place already. */
  readonly staged: string | null;
  /** Bytes of it that were here already, and had not to be fetched. */
  readonly reused: number;
}

/** The copy run that files are got for. */
export interface CopyRun {
  /** What ended it; `undefined` while it goes on. */
  end(): unknown;
  /** Has the disk write what is staged, meanwhile. */
  flushEarly(): void;
}

/** Of a large file the disk is given so many bytes to write at a time. */
const flushBytes = 128 * 1024 * 1024;

/** Gets files, for one copy run. */
export class Obtaining {
  readonly #tools: Tools;
  readonly #run: CopyRun;
  readonly #reuse: Reuse;

  constructor(
    tools: Tools,
    { delta }: Pick<CopyConfig, "delta">,
    run: CopyRun,
  ) {
    this.#tools = tools;
    this.#run = run;
    this.#reuse = new Reuse(tools, delta);
  }

  /**
   * Gets what `entry` names, in place already or staged, whole.
   *
   * @throws {FileError} If the server does not give it, or it is not what the list says.
   */
  async obtain(entry: Wanted, slots: number): Promise<Ready> {
    const { staging, space, observer } = this.#tools;
    if (await this.#isHere(entry)) {
      return { entry, staged: null, reused: 0 };
    }
    const toCome = Math.max(0, entry.size - staging.held(entry));
    const claim = space.claim(toCome, staging.holds(entry) ? 0 : 1);
    try {
      const staged = await this.#stage(entry, slots);
      observer.fetched(entry);
      return { entry, ...staged };
    } finally {
      space.release(claim);
    }
  }

  async #isHere(entry: Wanted): Promise<boolean> {
    try {
      return await adopt(this.#tools.destination, entry);
    } catch (error) {
      // What is in its way may be what its set takes away: that is looked at when all is here.
      if (this.#tools.sets && error instanceof BlockedError) return false;
      throw error;
    }
  }

  /** Fetches a file, or what is not here of it, and returns the path under which it is staged, whole. */
  async #stage(
    entry: Wanted,
    slots: number,
  ): Promise<Pick<Ready, "staged" | "reused">> {
    const { root, fetcher, staging, observer } = this.#tools;
    const path = pathOn(root, entry);
    const { size } = entry;
    if (entry.failedBefore) await fetcher.examine(path);
    if (fetcher.isSmall(size) && !staging.holds(entry)) {
      // What failed may fail others with it.
      const isChecked = entry.digest !== null && !entry.failedBefore;
      const bytes = await fetcher.fetchSmall(path, size, isChecked);
      observer.received(bytes.length);
      try {
        return { staged: staging.write(entry, bytes), reused: 0 };
      } finally {
        release(bytes);
      }
    }
    using staged = await staging.open(entry);
    const start = staged.offset;
    const making = this.#reuse.begin({
      entry,
      root,
      slots,
      start,
      isOver: () => this.#run.end() !== undefined,
      clone: (path, bytes, check) => staged.clone(path, bytes, check),
    });
    if (making !== undefined && await this.#make(staged, entry, making)) {
      return { staged: staged.path, reused: making.reused };
    }
    const rest = { start: staged.offset, size, slots };
    const pieces = fetcher.fetchLarge(path, rest);
    await this.#fill(staged, heard(pieces, observer));
    return { staged: staged.path, reused: 0 };
  }

  /** Makes a file of what is here of it; returns whether it has come to what it should. */
  async #make(
    staged: StagedFile,
    entry: Wanted,
    making: Making,
  ): Promise<boolean> {
    const { observer } = this.#tools;
    try {
      await this.#fill(staged, making.bytes());
      if (making.reuses) observer.reused(entry, making.reused);
      return true;
    } catch (error) {
      // Where nothing was reused, fetching it once more would come to the same.
      if (!(error instanceof FileError) || !making.reuses) throw error;
      observer.notReused(entry, error);
      this.#reuse.distrust(entry);
      return false;
    }
  }

  /** Writes the rest of a file, and checks the whole. */
  async #fill(
    staged: StagedFile,
    rest: AsyncIterable<Uint8Array>,
  ): Promise<void> {
    let flushed = staged.offset;
    for await (const bytes of rest) {
      staged.write(bytes);
      // What is staged by now is there to go on with.
      if (this.#run.end() !== undefined) throw this.#run.end();
      if (staged.offset - flushed < flushBytes) continue;
      flushed = staged.offset;
      this.#run.flushEarly();
    }
    staged.finish();
  }
}
