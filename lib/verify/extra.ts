/**
 * What lies in the copy and did not come with relais.
 *
 * @module
 */

import { ownDirectory } from "../list/path.ts";
import type { Copies } from "./ledger.ts";

/**
 * Yields the paths of all files, links and devices below `into` that are not
 * known; `known` is asked for all of a directory at once.
 */
export async function* extras(
  into: string,
  known: Pick<Copies, "among">,
  below = "",
): AsyncGenerator<string> {
  const entries = entriesOf(`${into}/${below}`)
    .map(({ name, isDirectory }) => ({ path: below + name, isDirectory }))
    .filter(({ path }) => path !== ownDirectory);
  const files = entries.filter(({ isDirectory }) => !isDirectory)
    .map(({ path }) => path);
  const here = files.length === 0
    ? new Set<string>()
    : await known.among(files);
  for (const { path, isDirectory } of entries) {
    if (isDirectory) yield* extras(into, known, `${path}/`);
    else if (!here.has(path)) yield path;
  }
}

/** What cannot be read, or has just gone, holds nothing that could be told. */
function entriesOf(directory: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(directory)];
  } catch {
    return [];
  }
}
