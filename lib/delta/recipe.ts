/**
 * How to make the new version: stretches that lie in the old one, and
 * stretches to fetch.
 *
 * @module
 */

import type { Signature } from "./signature.ts";

/** A stretch of the new version. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
  /** Where it lies in the old version; `null`: to be fetched. */
  readonly old: number | null;
}

/** Returns the stretches from `start` on, in order, as few as can be. `places` are the search's. */
export function recipeOf(
  { size, blockSize }: Pick<Signature, "size" | "blockSize">,
  places: ArrayLike<number>,
  start = 0,
): Stretch[] {
  const stretches: Stretch[] = [];
  for (
    let block = Math.floor(start / blockSize);
    block < places.length;
    block++
  ) {
    const begin = block * blockSize;
    const from = Math.max(begin, start);
    const end = Math.min(begin + blockSize, size);
    if (from >= end) continue;
    const place = places[block]!;
    const old = place === -1 ? null : place + from - begin;
    append(stretches, { start: from, end, old });
  }
  return stretches;
}

/** Adds a stretch to a recipe, as a part of the last one if it goes on there. */
export function append(stretches: Stretch[], stretch: Stretch): void {
  const last = stretches.at(-1);
  if (last !== undefined && goesOn(last, stretch.old)) {
    stretches[stretches.length - 1] = { ...last, end: stretch.end };
  } else stretches.push(stretch);
}

/** Returns what is left to do of a recipe where the new version is there up to `start`. */
export function restOf(recipe: readonly Stretch[], start: number): Stretch[] {
  return recipe.filter(({ end }) => end > start).map((stretch) => {
    const done = Math.max(0, start - stretch.start);
    const old = stretch.old === null ? null : stretch.old + done;
    return { start: stretch.start + done, end: stretch.end, old };
  });
}

function goesOn(
  { start, end, old: before }: Stretch,
  old: number | null,
): boolean {
  return before === null || old === null
    ? before === old
    : before + end - start === old;
}
