/**
 * Fetching only what is not on the replica yet: a large file is made of its
 * older version, of a part of one that was begun, or of a file with the same
 * contents. What comes of it is checked as any other file is.
 *
 * @module
 */

import type { Delta } from "../config/config.ts";
import type { Signature } from "../delta/signature.ts";
import type { Destination } from "../files/destination.ts";
import type { Staging } from "../files/staging.ts";
import type { Wanted } from "../files/wanted.ts";
import type { Fetcher } from "./fetch.ts";
import { type BlocksToCome, fetchSignature } from "./fetch-signature.ts";
import { Making, type MakingTools, type Means, type Task } from "./making.ts";
import { OldFile } from "./old-file.ts";
import { Slots } from "./window.ts";

/** What making files of older ones works with. */
export interface ReuseTools extends MakingTools {
  readonly fetcher: Fetcher;
  readonly destination: Destination;
  readonly staging: Staging;
}

/** Bytes of memory for all files that are made at a time; one that needs more is made alone. */
const mostMemory = 32 * 1024 * 1024;

/** Makes files of what is here, in one copy run. */
export class Reuse {
  readonly #tools: ReuseTools;
  readonly #delta: Delta;
  /** Size of the largest file that was found to have no signature: smaller ones have none either. */
  #unsigned = 0;
  readonly #memory = new Slots(mostMemory);
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
      memory: this.#memory,
      signature: (admit) => this.#signature(task, admit),
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

  async #signature(
    task: Task,
    admit: (blocks: BlocksToCome) => Promise<void>,
  ): Promise<Signature | undefined> {
    const { size } = task.entry;
    if (this.#delta === "auto" && size <= this.#unsigned) return undefined;
    const signature = await fetchSignature(this.#tools.fetcher, task, admit);
    if (signature === undefined) {
      this.#unsigned = Math.max(this.#unsigned, size);
    }
    return signature;
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
