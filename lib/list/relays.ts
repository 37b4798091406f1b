/**
 * The file beside a republished list that names the replicas which it has come
 * through. A replica that finds itself there would be fed by itself.
 *
 * @module
 */

import { ownDirectory } from "./path.ts";

/** Path of the file below `into`. A publisher has none. */
export const relaysPath = `${ownDirectory}/relays`;

/** A longer file is not read to its end: no tree of replicas is that deep. */
export const mostBytes = 4_096;

const form = /^[0-9A-Za-z.-]{1,64}$/;

/** Writes the names of replicas, the nearest first. */
export function formatRelays(relays: readonly string[]): string {
  return relays.map((relay) => `${relay}\n`).join("");
}

/** Reads them; what is no name is passed over. */
export function parseRelays(bytes: Uint8Array): string[] {
  return new TextDecoder().decode(bytes).split("\n")
    .filter((line) => form.test(line));
}
