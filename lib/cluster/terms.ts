/**
 * Transactions of the leader: each begins with the fence, and so none of them writes
 * once another node leads.
 *
 * @module
 */

import { LocalError } from "../errors.ts";
import type { Database, Session } from "./database.ts";
import { fenced, isQuiet } from "./statements.ts";

/**
 * Runs `work` in a transaction of the leader of `term`.
 *
 * @throws {LocalError} If the term is over.
 */
export async function inTerm<Result>(
  database: Database,
  term: number,
  work: (session: Session) => Promise<Result>,
): Promise<Result> {
  const done = await fenced(
    database,
    term,
    async (session) => ({ result: await work(session) }),
  );
  if (done === undefined) throw replaced();
  return done.result;
}

/**
 * Runs `work` in a transaction of the leader of `term`, while nothing is claimed.
 *
 * @throws {LocalError} If the term is over, or if anything is claimed.
 */
export function whileQuiet<Result>(
  database: Database,
  term: number,
  work: (session: Session) => Promise<Result>,
): Promise<Result> {
  return inTerm(database, term, async (session) => {
    if (!(await isQuiet(session))) throw claimed();
    return await work(session);
  });
}

/** Says that a node leads no longer. */
export function replaced(): LocalError {
  return new LocalError(
    "Cannot write to the synchronised list: this node no longer leads",
    { hint: "nothing needs to be done: another node goes on" },
  );
}

function claimed(): LocalError {
  return new LocalError(
    "Cannot change the synchronised list: files are being copied",
    { hint: "nothing needs to be done: the next pass goes on" },
  );
}
