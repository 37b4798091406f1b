/**
 * A model of the shared file system: renames are atomic, a file that is open stays
 * the same file under another name, and bytes are durable once the node that wrote
 * them has waited for a barrier.
 *
 * @module
 */

import type { Line } from "./list.ts";

/** Pieces that a file is written in. */
export const pieces = 2;

/** A file, whatever its name. */
export interface Inode {
  readonly seq: number;
  /** Which pieces are there. */
  readonly has: boolean[];
  /** The node whose writes may not be durable yet. */
  dirtyBy: string | undefined;
}

/** A file that a node has open for writing. */
export interface Handle {
  readonly inode: Inode;
  /** The next piece. */
  at: number;
}

/** The protocol, and what can be left out of it. */
export interface FileRules {
  /** Who takes a claim over empties its directory, and removes it. */
  readonly hasFence: boolean;
  /** What was taken over is copied: its writer may still have it open. */
  readonly copiesTaken: boolean;
}

/** The destination, as all nodes see it. */
export class SharedFiles {
  readonly final = new Map<string, Inode>();
  /** The newest line of each path that was placed, or removed. */
  readonly placed = new Map<string, number>();
  /** What a power cut would leave. */
  durable: ReadonlyMap<string, Inode> = new Map();
  durablyPlaced: ReadonlyMap<string, number> = new Map();
  /** The directories of claims. */
  readonly #staging = new Map<number, Map<string, Inode>>();
  readonly #dirty: Inode[] = [];
  readonly #rules: FileRules;

  constructor(rules: FileRules) {
    this.#rules = rules;
  }

  makeDirectory(id: number): void {
    if (!this.#staging.has(id)) this.#staging.set(id, new Map());
  }

  /** Takes over one file of an old claim, or its directory if it is empty; returns whether that is gone. */
  fenceOne(id: number, old: number): boolean {
    const from = this.#staging.get(old);
    if (!this.#rules.hasFence || from === undefined) return true;
    const [first] = from;
    if (first === undefined) return this.#staging.delete(old);
    const [name, inode] = first;
    const to = this.#staging.get(id);
    // This claim, too, was taken over.
    if (to === undefined) return true;
    from.delete(name);
    to.set(`taken ${name.replace(/^taken /, "")}`, inode);
    return false;
  }

  /** Opens the staged file of a line, and goes on with what was taken over; `undefined` if the directory is gone. */
  open(id: number, line: Line, node: string): Handle | undefined {
    const directory = this.#staging.get(id);
    if (directory === undefined) return undefined;
    const name = nameOf(line);
    const taken = directory.get(`taken ${name}`);
    directory.delete(`taken ${name}`);
    const inode = taken !== undefined && !this.#rules.copiesTaken
      ? taken
      : { seq: line.seq, has: [...taken?.has ?? []], dirtyBy: undefined };
    directory.set(name, inode);
    this.#soil(inode, node);
    const missing = inode.has.indexOf(false);
    return { inode, at: missing < 0 ? inode.has.length : missing };
  }

  write({ inode, at }: Handle, node: string): void {
    inode.has[at] = true;
    this.#soil(inode, node);
  }

  /** Empties a file that turned out not to be what its line says. */
  restart(handle: Handle): void {
    handle.inode.has.length = 0;
    handle.at = 0;
  }

  /** Moves a staged file to its final name; false if the directory of the claim is gone. */
  place(id: number, line: Line): boolean {
    const directory = this.#staging.get(id);
    const staged = directory?.get(nameOf(line));
    if (staged === undefined) return false;
    directory!.delete(nameOf(line));
    this.final.set(line.path, staged);
    this.placed.set(line.path, line.seq);
    return true;
  }

  /** Moves a withdrawn file, if it is there, to the directory of the claim; false if that is gone. */
  takeAway(id: number, { path, seq }: Line): boolean {
    const directory = this.#staging.get(id);
    if (directory === undefined) return false;
    const there = this.final.get(path);
    if (there === undefined) return true;
    directory.set(`gone ${path}`, there);
    this.final.delete(path);
    this.placed.set(path, seq);
    return true;
  }

  isInPlace({ path, seq, isRemoved }: Line): boolean {
    const there = this.final.get(path);
    return isRemoved ? there === undefined : there?.seq === seq;
  }

  /** Makes all names durable, and what `node` has written. */
  barrier(node: string): void {
    for (const inode of this.#dirty) {
      if (inode.dirtyBy === node) inode.dirtyBy = undefined;
    }
    this.durable = new Map(this.final);
    this.durablyPlaced = new Map(this.placed);
  }

  removeDirectory(id: number): void {
    this.#staging.delete(id);
  }

  #soil(inode: Inode, node: string): void {
    inode.dirtyBy = node;
    if (!this.#dirty.includes(inode)) this.#dirty.push(inode);
  }
}

/** Tells whether all of a file is there. */
export function isWhole({ has }: Inode): boolean {
  return has.length === pieces && has.every(Boolean);
}

function nameOf({ path, seq }: Line): string {
  return `${path}@${seq}`;
}
