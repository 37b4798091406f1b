/**
 * Where in the configuration file a key stands.
 *
 * @module
 */

import type { AST } from "toml-eslint-parser";

/** A way to a value: keys, and indexes of tables. */
export type KeyPath = readonly PropertyKey[];

/** Returns the line of every key and table, by its path. */
export function linesOf(document: AST.TOMLProgram): Map<string, number> {
  const lines = new Map<string, number>();
  const [top] = document.body;
  for (const node of top.body) {
    if (node.type === "TOMLTable") {
      note(lines, node.resolvedKey, node.loc.start.line);
      for (const pair of node.body) notePair(lines, node.resolvedKey, pair);
    } else notePair(lines, [], node);
  }
  return lines;
}

/** Returns the line of what `path` leads to, or of the nearest table above it. */
export function lineOf(
  lines: ReadonlyMap<string, number>,
  path: KeyPath,
): number {
  for (let length = path.length; length > 0; length--) {
    const line = lines.get(join(path.slice(0, length)));
    if (line !== undefined) return line;
  }
  return 1;
}

/** Writes a path as an administrator reads it: `server[1].port`. */
export function join(path: KeyPath): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === "number") return `${text}[${key}]`;
    return text === "" ? String(key) : `${text}.${String(key)}`;
  }, "");
}

function notePair(
  lines: Map<string, number>,
  above: KeyPath,
  pair: AST.TOMLKeyValue,
): void {
  const keys = pair.key.keys.map((key) =>
    key.type === "TOMLBare" ? key.name : key.value
  );
  const path = [...above, ...keys];
  note(lines, path, pair.loc.start.line);
  if (pair.value.type !== "TOMLInlineTable") return;
  for (const inner of pair.value.body) notePair(lines, path, inner);
}

function note(lines: Map<string, number>, path: KeyPath, line: number): void {
  const text = join(path);
  if (!lines.has(text)) lines.set(text, line);
}
