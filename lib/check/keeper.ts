/**
 * Examination of an export: does something else keep its list?
 *
 * @module
 */

import { describe, RelaisError } from "../errors.ts";
import { bad, type Finding } from "./finding.ts";

/** Finds what `require` refuses; nothing if it refuses nothing. */
export function examineKeeper(what: string, require: () => void): Finding[] {
  try {
    require();
    return [];
  } catch (error) {
    if (!(error instanceof RelaisError)) throw error;
    return [bad(what, describe(error), error.exitStatus)];
  }
}
