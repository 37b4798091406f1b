/**
 * Keys and tables that relais does not know.
 *
 * @module
 */

import { nearest } from "../text/nearest.ts";
import type { KeyPath } from "./position.ts";
import { tables } from "./schema.ts";
import { isTable } from "./table.ts";

/** British, for no comma before the last of them. */
const either = new Intl.ListFormat("en-GB", { type: "disjunction" });

/** A key nobody reads. */
export interface UnknownKey {
  readonly path: KeyPath;
  /** Whether it holds a table, or several. */
  readonly isTable: boolean;
  /** The key of the same table that was probably meant. */
  readonly meant: KeyPath | undefined;
}

/** Yields every unknown table of the file, and every unknown key of the others. */
export function* unknownKeys(
  file: Readonly<Record<string, unknown>>,
): Generator<UnknownKey> {
  yield* unknownIn(file, tables, []);
  for (const [name, { keys }] of Object.entries(tables)) {
    const found = Object.hasOwn(file, name) ? file[name] : undefined;
    if (isTable(found)) yield* unknownIn(found, keys, [name]);
    if (!Array.isArray(found)) continue;
    for (const [index, each] of found.entries()) {
      if (isTable(each)) yield* unknownIn(each, keys, [name, index]);
    }
  }
}

function* unknownIn(
  found: Readonly<Record<string, unknown>>,
  known: object,
  above: KeyPath,
): Generator<UnknownKey> {
  for (const [key, value] of Object.entries(found)) {
    if (Object.hasOwn(known, key)) continue;
    const meant = nearest(key, Object.keys(known));
    yield {
      path: [...above, key],
      isTable: [value].flat().some(isTable),
      meant: meant === undefined ? undefined : [...above, meant],
    };
  }
}

/** Says that a key is unknown, and what to write instead. */
export function describeUnknown(unknown: UnknownKey): string {
  const { path, isTable, meant } = unknown;
  if (meant !== undefined) {
    return `unknown ${isTable ? "table" : "key"}; did you mean "${
      meant.at(-1)
    }"?`;
  }
  if (isTable) return "unknown table";
  const homes = tablesWith(String(path.at(-1)));
  return homes.length === 0
    ? "unknown key"
    : `unknown key here; it belongs in ${either.format(homes)}`;
}

/** Returns the headers of the tables that have a key: it may stand under the wrong one. */
function tablesWith(key: string): string[] {
  return Object.values(tables)
    .filter(({ keys }) => Object.hasOwn(keys, key))
    .map(({ header }) => header);
}
