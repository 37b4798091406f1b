/**
 * What a run of publish is about to put into the export or take out of it. A
 * run that is killed in between leaves files that no line names; the next one
 * finds them here.
 *
 * @module
 */

import { checkPath, decodePath, encodePath } from "../list/path.ts";

/** The journal of a run, in the directory of the list: one path a line, as the list writes them. */
export class Underway {
  readonly #path: string;

  constructor(directory: string) {
    this.#path = `${directory}/underway`;
  }

  /** Returns what a run that was killed had under way. */
  get left(): string[] {
    return this.#read().split("\n").slice(0, -1)
      .map((line) => decodePath(line) ?? "")
      .filter((path) => checkPath(path) === undefined);
  }

  /** Notes what is about to change; to be made durable before it does. */
  note(paths: readonly string[]): void {
    const text = paths.map((path) => `${encodePath(path)}\n`).join("");
    // Renamed, so that no path is ever cut to another one.
    Deno.writeTextFileSync(`${this.#path}.new`, text);
    Deno.renameSync(`${this.#path}.new`, this.#path);
  }

  /** Notes that all of it is done. */
  clear(): void {
    if (this.#read() !== "") Deno.removeSync(this.#path);
  }

  #read(): string {
    try {
      return Deno.readTextFileSync(this.#path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return "";
      throw error;
    }
  }
}
