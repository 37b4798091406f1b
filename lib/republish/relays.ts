/**
 * The names of the replicas that a list has come through, as this replica tells
 * them to those that read from it.
 *
 * @module
 */

import { openIfThere } from "../files/if-there.ts";
import { replaceFile } from "../files/replace.ts";
import { formatRelays } from "../list/relays.ts";

/** Mode of the file: the names are no secret. */
const mode = 0o644;

/** Writes the names into the directory of relais, if they are others; returns whether they were. */
export function noteRelays(own: string, relays: readonly string[]): boolean {
  const path = `${own}/relays`;
  const text = formatRelays(relays);
  if (read(path) === text) return false;
  replaceFile(path, text, mode);
  return true;
}

function read(path: string): string | undefined {
  using file = openIfThere(path);
  return file && Deno.readTextFileSync(path);
}
