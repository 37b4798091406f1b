/**
 * Holding the copy against what the state says of it, without reading it.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import type { Destination } from "../copy/destination.ts";
import { Throttle } from "../copy/throttle.ts";
import { prepared } from "../state/prepared.ts";
import type { Finding } from "./examine.ts";
import { extras } from "./extra.ts";
import { type Copy, copyOf } from "./ledger.ts";
import { examineAgain } from "./verify.ts";

/** Files asked for at a time: nothing holds the state for long. */
const page = 1_000;

/** What is not on the disk as the state has it. */
export interface Difference extends Omit<Finding, "fault"> {
  /** `extra`: it did not come with relais. */
  readonly fault: Finding["fault"] | "extra";
}

/**
 * Yields the files of which `matches` holds that are missing, or have another
 * size or date than they should, by path; then those that did not come with
 * relais.
 */
export async function* compare(
  db: DatabaseSync,
  destination: Destination,
  matches: (path: string) => boolean,
): AsyncGenerator<Difference> {
  const unlimited = new Throttle({ bytesPerSecond: 0 });
  const known = (path: string) => undigested(copyOf(db, path));
  for (const path of paths(db)) {
    const copy = matches(path) ? known(path) : undefined;
    if (copy === undefined) continue;
    const looked = await examineAgain(copy, known, destination, unlimited);
    if (looked?.finding !== undefined) yield looked.finding;
  }
  for (const path of extras(destination.into, (path) => !!known(path))) {
    if (!matches(path)) continue;
    yield { path, fault: "extra", what: "it did not come with relais" };
  }
}

/** Without its digest, size and date are all there is to compare. */
function undigested(copy: Copy | undefined): Copy | undefined {
  return copy && { ...copy, digest: null };
}

function* paths(db: DatabaseSync): Generator<string> {
  const statement = prepared(
    db,
    "SELECT path FROM copy WHERE path > ? ORDER BY path LIMIT ?",
  );
  for (let last = "";;) {
    const rows = statement.all(last, page) as { path: string }[];
    for (const { path } of rows) yield path;
    if (rows.length < page) return;
    last = rows.at(-1)!.path;
  }
}
