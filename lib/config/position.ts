/**
 * Where in the configuration file a key stands.
 *
 * @module
 */

import type { AST } from "toml-eslint-parser";

/** A way to a value: names of keys, and places in arrays from 0. */
export type KeyPath = readonly (string | number)[];

/** The line of every table, key and array element of a file. */
export class Positions {
  readonly #lines = new Map<string, number>();

  constructor(document: AST.TOMLProgram) {
    for (const node of document.body[0].body) {
      if (node.type === "TOMLKeyValue") this.#notePair([], node);
      else {
        this.#noteHeader(node);
        for (const pair of node.body) this.#notePair(node.resolvedKey, pair);
      }
    }
  }

  /** Returns the line of what `path` leads to, or of the innermost table around it; 1 if there is none. */
  lineOf(path: KeyPath): number {
    const line = this.#lines.get(JSON.stringify(path));
    if (line !== undefined) return line;
    return path.length === 0 ? 1 : this.lineOf(path.slice(0, -1));
  }

  /** `[[server]]` begins the list of servers as well as the first of them. */
  #noteHeader(table: AST.TOMLTable): void {
    for (const length of table.resolvedKey.keys()) {
      this.#note(table.resolvedKey.slice(0, length + 1), table);
    }
  }

  #notePair(above: KeyPath, { key, value }: AST.TOMLKeyValue): void {
    const path = [...above];
    for (const part of key.keys) {
      path.push(part.type === "TOMLBare" ? part.name : part.value);
      // A dotted key, "probe.rise = 2", makes its table as well.
      this.#note(path, part);
    }
    this.#noteInside(path, value);
  }

  #noteInside(path: KeyPath, value: AST.TOMLContentNode): void {
    if (value.type === "TOMLInlineTable") {
      for (const pair of value.body) this.#notePair(path, pair);
    }
    if (value.type !== "TOMLArray") return;
    for (const [index, element] of value.elements.entries()) {
      this.#note([...path, index], element);
      this.#noteInside([...path, index], element);
    }
  }

  /** The first mention counts: that is where a table begins. */
  #note(path: KeyPath, { loc }: AST.TOMLNode): void {
    const text = JSON.stringify(path);
    if (!this.#lines.has(text)) this.#lines.set(text, loc.start.line);
  }
}
