/**
 * Entries of lists that relais did not write.
 *
 * @module
 */

import type { ForeignFormat, ForeignLine } from "../text/foreign-format.ts";
import type { Parsed } from "../text/parsed.ts";
import { checkPath } from "./path.ts";

/** Reads a line that is written as `format` says; refuses a path that may not be used. */
export function readForeignLine(
  format: ForeignFormat,
  line: string,
  root: string,
): Parsed<ForeignLine> {
  const parsed = format.read(line, root);
  if ("reason" in parsed) return parsed;
  const reason = checkPath(parsed.value.path);
  return reason === undefined ? parsed : { reason };
}
