/**
 * Globs that are typed on the command line.
 *
 * @module
 */

import { UsageError } from "../errors.ts";
import { whatIsExpected } from "../text/glob.ts";

/**
 * Returns a glob on paths below `into` of one that may be given from the root, as a
 * shell completes it; `undefined` if it is all of them.
 *
 * @throws {UsageError} If it can match no path.
 */
export function globBelow(
  into: string,
  given: string | undefined,
): string | undefined {
  if (given === undefined || given === into || given === `${into}/`) {
    return undefined;
  }
  const glob = given.startsWith(`${into}/`)
    ? given.slice(into.length)
    : given.replace(/^(?:\.\/)+/, "");
  const expected = whatIsExpected(glob);
  if (expected === undefined) return glob;
  throw new UsageError(
    `Cannot use "${given}" as GLOB: expected ${expected}`,
    { hint: `write it in quotes, as in "relais list 'stock/*.csv'"` },
  );
}
