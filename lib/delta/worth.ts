/**
 * The decision whether it pays to make a new version of an old one, instead of fetching it.
 *
 * @module
 */

import type { Progress } from "./search.ts";

/** What is known before an old version is searched. Rates are in bytes a millisecond. */
export interface Prospect {
  /** Bytes of the new version. */
  readonly size: number;
  readonly oldSize: number;
  /** Which share of the old version seems to be of use, 0 to 1. */
  readonly share: number;
  /** What the server sends. */
  readonly fetching: number;
  /** What the local disk reads. */
  readonly reading: number;
}

/** What a slow processor does with an old version, in bytes a millisecond: blocks that follow each other, and bytes that are in none. */
const following = 1_000_000;
const rolling = 300_000;

/** A server that nobody has measured is taken for the fastest that one connection can keep up with, so that nothing is lost by it. */
export const fastServer = 250_000;

/** How much of the time of a plain copy may be lost by trying. */
const mostLost = 0.05;

/** So many bytes may be searched for nothing before it counts what the samples say. */
export const mostBarren = 8 * 1024 * 1024;

/** Tells whether a search pays, going by a sample. */
export function pays(
  { size, oldSize, share, fetching, reading }: Prospect,
): boolean {
  const found = Math.min(size, share * oldSize);
  const searchMs = found / following + (oldSize - found) / rolling +
    oldSize / reading;
  const makeMs = found / reading;
  return found / fetching > searchMs + makeMs;
}

/**
 * Tells whether a search has come to where nothing of use is: it has found nothing
 * for some megabytes, and no sample of what is left did. What was compressed or
 * encrypted anew has nothing of use behind its first change; where something was
 * taken out, the samples behind it say so.
 *
 * @param useful Where the samples lie in which something was found.
 */
export function isBarren(
  { searched, barren }: Pick<Progress, "searched" | "barren">,
  useful: readonly number[],
): boolean {
  return barren > mostBarren && !useful.some((at) => at >= searched);
}

/**
 * Tells whether to go on with a search that has taken `ms` and has found so much. It
 * may take what it gains, by the sample or in fact, and a small share of the
 * time of a plain copy.
 */
export function goesOn(
  { ms, found }: { readonly ms: number; readonly found: number },
  { size, oldSize, share, fetching }: Prospect,
): boolean {
  const gained = Math.max(found, Math.min(size, share * oldSize));
  return ms < (gained + mostLost * size) / fetching;
}
