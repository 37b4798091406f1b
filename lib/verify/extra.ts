/**
 * What lies in the copy and did not come with relais.
 *
 * @module
 */

import { ownDirectory } from "../list/path.ts";

/** Yields the paths of all files, links and devices below `into` that `isKnown` does not know. */
export function* extras(
  into: string,
  isKnown: (path: string) => boolean,
  below = "",
): Generator<string> {
  for (const { name, isDirectory } of entriesOf(`${into}/${below}`)) {
    const path = below + name;
    if (path === ownDirectory) continue;
    if (isDirectory) yield* extras(into, isKnown, `${path}/`);
    else if (!isKnown(path)) yield path;
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
