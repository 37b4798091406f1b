/**
 * The directories below `into` that relais made: they go when what was in them is
 * withdrawn. All others are somebody else's.
 *
 * @module
 */

import { Journal } from "./journal.ts";

/** A note of directories, as a line of JSON each. */
export class MadeDirectories {
  readonly #path: string;
  readonly #journal: Journal;

  constructor(path: string) {
    this.#path = path;
    this.#journal = new Journal(path);
  }

  /** Notes directories that were just made. A crash before may forget them: then they stay. */
  add(directories: readonly string[]): void {
    if (directories.length === 0) return;
    const lines = directories.map((directory) =>
      `${JSON.stringify(directory)}\n`
    );
    Deno.writeTextFileSync(this.#path, lines.join(""), {
      append: true,
      mode: 0o600,
    });
  }

  /** Returns those that are noted. */
  read(): Set<string> {
    return new Set(this.#journal.read().flatMap(parse));
  }

  /**
   * Notes these, and no others.
   *
   * @throws {LocalError} If that is not possible.
   */
  replace(directories: ReadonlySet<string>): void {
    const lines = [...directories].map((directory) =>
      JSON.stringify(directory)
    );
    this.#journal.write(lines);
  }
}

/** A line that a power cut has spoilt names none. */
function parse(line: string): string[] {
  try {
    const directory: unknown = JSON.parse(line);
    return typeof directory === "string" ? [directory] : [];
  } catch {
    return [];
  }
}
