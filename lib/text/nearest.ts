/**
 * "Did you mean …?"
 *
 * @module
 */

import { closestString } from "@std/text/closest-string";

/**
 * Returns the candidate that `word` is probably a slip of, or `undefined` if it
 * is like none of them: more than a third of the letters would be wrong. Upper
 * and lower case count as the same.
 */
export function nearest(
  word: string,
  candidates: readonly string[],
): string | undefined {
  if (candidates.length === 0) return undefined;
  // Of several that are as near, the one that a letter was added to.
  const sorted = candidates.toSorted((a, b) =>
    Number(word.startsWith(b)) - Number(word.startsWith(a))
  );
  const closest = closestString(word, sorted, { compareFn: distance });
  const tolerated = Math.max(1, Math.floor(closest.length / 3));
  return distance(word.toLowerCase(), closest.toLowerCase()) <= tolerated
    ? closest
    : undefined;
}

/**
 * Counts insertions, deletions, substitutions and swaps of neighbours, since
 * a swap is the commonest slip of all (the optimal string alignment distance).
 */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      const swapped = i > 1 && j > 1 &&
        a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row[j] = Math.min(
        last[j]! + 1,
        row[j - 1]! + 1,
        last[j - 1]! + (same ? 0 : 1),
        swapped ? before[j - 2]! + 1 : Infinity,
      );
    }
    before = last;
    last = row;
  }
  return last[b.length]!;
}
