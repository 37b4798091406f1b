/**
 * A note of what is about to be done, for whoever comes after a crash: it is
 * there from before the first step until after the last one.
 *
 * @module
 */

import { removeIfThere } from "./if-there.ts";
import { besideOf, replaceFile } from "./replace.ts";

/** A small file of lines. */
export class Journal {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Replaces what is noted. Survives a crash at once, and a power cut after the
   * next barrier.
   *
   * @throws {LocalError} If it cannot be written.
   */
  write(lines: readonly string[]): void {
    const text = lines.map((line) => `${line}\n`).join("");
    replaceFile(this.#path, text, 0o600);
  }

  /** Returns what is noted; nothing, if all that was noted has been done. */
  read(): string[] {
    try {
      return Deno.readTextFileSync(this.#path).split("\n").slice(0, -1);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  }

  /** Forgets it: all is done. */
  clear(): void {
    removeIfThere(this.#path);
    removeIfThere(besideOf(this.#path));
  }
}
