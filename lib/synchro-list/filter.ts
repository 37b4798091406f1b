/**
 * Which of the paths that servers name the replica wants.
 *
 * @module
 */

import type { ReplicaConfig } from "../config/config.ts";
import { compileGlobs } from "../text/glob.ts";
import type { Filter } from "../state/judge.ts";

/** Makes the filter of `replica.include` and `replica.exclude`; what is excluded stays so whatever includes it. */
export function compileFilter(
  { include, exclude }: Pick<ReplicaConfig, "include" | "exclude">,
): Filter {
  const included = include.length === 0 ? () => true : compileGlobs(include);
  const excluded = compileGlobs(exclude);
  return {
    wants: (path) => included(path) && !excluded(path),
    fingerprint: JSON.stringify([include, exclude]),
  };
}
