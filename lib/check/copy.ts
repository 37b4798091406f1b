/**
 * Examination of the copy: is anything there of what the state says was copied?
 *
 * @module
 */

import type { ReplicaConfig } from "../config/config.ts";
import { RelaisError } from "../errors.ts";
import { assertCopy } from "../files/copy-there.ts";
import { readState } from "../state/database.ts";
import { anyKept } from "../state/overview.ts";
import type { Finding } from "./finding.ts";
import { examineKeeper } from "./keeper.ts";

/** Finds a copy that is gone; nothing if it is there, or none was made yet. */
export function examineCopy(
  { into, state }: Pick<ReplicaConfig, "into" | "state">,
): Finding[] {
  return examineKeeper("copy", () => {
    const kept = keptIn(state);
    if (kept !== null) assertCopy(into, kept);
  });
}

function keptIn(state: string): string | null {
  try {
    using db = readState(state);
    return db === undefined ? null : anyKept(db);
  } catch (error) {
    // What is wrong with the state is told where the servers are examined.
    if (!(error instanceof RelaisError)) throw error;
    return null;
  }
}
