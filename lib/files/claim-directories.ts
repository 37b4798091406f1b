/**
 * The directories of claims, on a file system that several nodes share: one for each
 * claim, and one for what earlier claims have left. A file comes into place by a rename
 * out of the directory of its claim, and is removed by a rename into it: who takes a
 * claim over empties that directory and removes it, and so the node that held the claim
 * before can put nothing in place any more, and remove nothing.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { rmdirSync } from "node:fs";
import type { Destination } from "./destination.ts";
import { lookAt } from "./if-there.ts";
import { type Contents, stagedName } from "./staged-name.ts";

/** What was staged by a node that may still have it open. */
const taken = ".taken";

/** What was in place until it was removed: nobody writes to it. */
const removed = ".removed";

/** What earlier claims have left; its writers have closed it. */
const left = "left";

/** Directories of claims. */
export class ClaimDirectories {
  readonly #destination: Destination;

  constructor(destination: Destination) {
    this.#destination = destination;
  }

  /** Returns the directory of a claim. */
  of(claim: number | typeof left): string {
    return `${this.#destination.staging}/${claim}`;
  }

  /** Returns where a file goes that is removed under a claim. */
  removedFrom(claim: number, path: string): string {
    const name = createHash("sha256").update(path).digest("hex");
    return `${this.of(claim)}/${name}${removed}`;
  }

  /** Tells whether the directory of a claim is there: else another node has the claim. */
  has(claim: number): boolean {
    return lookAt(this.of(claim)) !== undefined;
  }

  /** Makes the directory of a claim. */
  make(claim: number): void {
    Deno.mkdirSync(this.of(claim), { recursive: true, mode: 0o700 });
  }

  /**
   * Moves what is staged, or was removed, under the claim `old` to the directory of
   * `claim`, and removes the old directory: its node can place nothing any more, and
   * remove nothing.
   */
  takeOver(claim: number, old: number): void {
    const from = this.of(old);
    // The other node may be making files meanwhile. Without its own directory, this claim was taken over, too.
    while (this.has(claim) && lookAt(from) !== undefined) {
      this.#empty(from, this.of(claim));
    }
  }

  /** Claims that have a directory. */
  get claims(): number[] {
    return namesIn(this.#destination.staging)
      .filter((name) => /^\d+$/.test(name)).map(Number);
  }

  /** Removes the directories of claims that nobody knows of, and keeps what is staged there: their nodes can place nothing any more. */
  end(claims: readonly number[]): void {
    for (const from of claims.map((claim) => this.of(claim))) {
      while (lookAt(from) !== undefined) {
        this.#makeLeft();
        this.#empty(from, this.of(left));
      }
    }
  }

  /** Brings what was staged of these files before to the directory of a claim, to go on with. */
  async fetch(claim: number, files: Iterable<Contents>): Promise<void> {
    const directory = this.of(claim);
    const there = new Set(namesIn(directory));
    const before = new Set(namesIn(this.of(left)));
    if (there.size === 0 && before.size === 0) return;
    for (const file of files) {
      const name = stagedName(file);
      for (const each of [name, asTaken(name)]) {
        if (before.has(each)) {
          move(`${this.of(left)}/${each}`, `${directory}/${each}`);
        }
      }
      // Its writer could go on writing to it, or empty it, when it is in place.
      if (there.has(asTaken(name)) || before.has(asTaken(name))) {
        await copy(`${directory}/${asTaken(name)}`, `${directory}/${name}`);
      }
    }
  }

  /** Keeps what is staged under a claim for later ones, and removes its directory. */
  leave(claim: number): void {
    const from = this.of(claim);
    const names = namesIn(from);
    if (names.length > 0) this.#makeLeft();
    for (const name of names) {
      move(`${from}/${name}`, `${this.of(left)}/${name}`);
    }
    removeIfEmpty(from);
  }

  /** Tells whether anything is staged under a claim. */
  holds(claim: number): boolean {
    return namesIn(this.of(claim)).length > 0;
  }

  /** Tells whether earlier claims have left nothing. */
  get isTidy(): boolean {
    return namesIn(this.of(left)).length === 0;
  }

  /** Removes what earlier claims have left, but for these files; returns how many files went. */
  tidy(wanted: ReadonlySet<string>): number {
    const idle = namesIn(this.of(left))
      .filter((name) => !wanted.has(name.replace(taken, "")));
    for (const name of idle) remove(`${this.of(left)}/${name}`);
    return idle.length;
  }

  /** Moves what another node has staged, and may have open, and removes its directory. */
  #empty(from: string, to: string): void {
    for (const name of namesIn(from)) {
      move(`${from}/${name}`, `${to}/${asTaken(name)}`);
    }
    removeIfEmpty(from);
  }

  #makeLeft(): void {
    Deno.mkdirSync(this.of(left), { recursive: true, mode: 0o700 });
  }
}

function asTaken(name: string): string {
  const isAsItIs = name.endsWith(taken) || name.endsWith(removed);
  return isAsItIs ? name : name + taken;
}

/** The names in a directory; none, if there is no such directory. */
function namesIn(directory: string): string[] {
  try {
    return Array.from(Deno.readDirSync(directory), ({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Renames a file, if it is still there. */
function move(from: string, to: string): void {
  unlessGone(() => Deno.renameSync(from, to));
}

function remove(path: string): void {
  unlessGone(() => Deno.removeSync(path));
}

/** Removes a directory, unless another node is making files in it, or has removed it. */
function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch (error) {
    const { code } = error as { code?: string };
    if (code !== "ENOENT" && code !== "ENOTEMPTY") throw error;
  }
}

async function copy(from: string, to: string): Promise<void> {
  await Deno.copyFile(from, to);
  Deno.removeSync(from);
}

function unlessGone(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
