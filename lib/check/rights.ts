/**
 * Examination of `replica.owner` and `replica.group`.
 *
 * @module
 */

import type { RightsConfig } from "../config/config.ts";
import { Rights } from "../files/rights.ts";
import { describe } from "../errors.ts";
import { bad, type Finding, good } from "./finding.ts";

/** Tries on a file of its own whether copies can be given to whom they are for. */
export function examineRights(rights: RightsConfig): Finding[] {
  const { owner, group } = rights;
  if (owner === null && group === null) return [];
  const what = "owner of the copies";
  const directory = Deno.makeTempDirSync({ prefix: "relais-check-" });
  try {
    new Rights(rights).test(directory);
    const ofGroup = group === null ? "" : `:${group.name}`;
    return [good(what, `${owner?.name ?? ""}${ofGroup}`)];
  } catch (error) {
    return [bad(what, describe(error))];
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}
