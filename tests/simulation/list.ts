/**
 * The list of the server in the simulation.
 *
 * @module
 */

import type { Wanted } from "../../lib/cluster/requests.ts";
import type { Random } from "./random.ts";

/** A line of the list: a version of a file, or that there is none any more. */
export interface Line extends Wanted {
  readonly isRemoved: boolean;
}

const paths = ["a", "b", "c", "d"];

/** Draws a list; the true order of the versions of a path is that of its lines. */
export function drawList(random: Random): Line[] {
  return Array.from({ length: 4 + random.below(5) }, (_, index) => ({
    path: paths[random.below(paths.length)]!,
    seq: index + 1,
    size: 1 + random.below(8),
    isRemoved: random.happens(0.2),
  }));
}
