/**
 * Memory of the list from one run to the next: reading it takes long.
 *
 * @module
 */

import type { FoundList } from "./generation.ts";

/** Memory of the list as a run has left it, for the next run. */
export class ListMemory {
  #found: FoundList | undefined;
  #state = "";

  /** Returns what is known of the list at `path`, if it is as it was left. */
  recall(path: string, writer: string): FoundList | undefined {
    if (this.#found === undefined) return undefined;
    return this.#state === stateOf(path, writer) ? this.#found : undefined;
  }

  /** Remembers the list at `path`. */
  keep(path: string, writer: string, found: FoundList): void {
    this.#state = stateOf(path, writer);
    this.#found = found;
  }

  forget(): void {
    this.#found = undefined;
  }
}

/** Returns a text that changes when anybody writes the list. */
function stateOf(path: string, writer: string): string {
  try {
    const { dev, ino, size, mtime } = Deno.statSync(path);
    return [dev, ino, size, mtime?.getTime(), writer].join(" ");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "missing";
    throw error;
  }
}
