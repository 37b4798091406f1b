/**
 * Leading: the list is synchronised while nothing is claimed, all nodes claim what is
 * wanted then, and what was withdrawn is removed when they are done.
 *
 * @module
 */

import type { ClusterNode } from "../../lib/cluster/node.ts";
import { removeWithdrawn } from "./copy.ts";
import { ask, type Requests, type Steps } from "../../lib/cluster/requests.ts";

/** Leads in every term that `node` gets, without end. */
export function* lead(node: ClusterNode): Steps<never> {
  for (;;) {
    const { term } = node;
    if (term !== undefined) yield* pass(node, term);
    yield* ask("sleep", { ms: node.pauseMs });
  }
}

/**
 * One pass: no more claims, wait for those that are held, read what was added to the
 * list, claims again, wait until nothing is wanted, and remove what was withdrawn.
 * Ends early with the term.
 */
function* pass(node: ClusterNode, term: number): Steps<void> {
  const before = yield* closed(node, term);
  if (before === undefined) return;
  const { cursor: from } = before;
  const taken = yield* ask("fenced", { term, change: { kind: "take", from } });
  if (!taken) return;
  const opened = yield* ask("fenced", { term, change: { kind: "open" } });
  if (!opened) return;
  // A request to close that seemed lost may come late.
  const after = yield* waitFor(
    node,
    term,
    ({ isOpen, claims, wanted }) => !isOpen || claims + wanted === 0,
  );
  if (after === undefined || after.withdrawn === 0) return;
  if (yield* closed(node, term)) yield* removeWithdrawn(node, term);
}

/** Lets nobody claim any more, and waits until nothing is claimed. */
function* closed(
  node: ClusterNode,
  term: number,
): Steps<Survey | undefined> {
  const isClosed = yield* ask("fenced", { term, change: { kind: "close" } });
  if (!isClosed) return undefined;
  return yield* waitFor(node, term, ({ claims }) => claims === 0);
}

type Survey = NonNullable<Requests["survey"]["reply"]>;

/** Asks until `isSo`; returns `undefined` if this node no longer leads in `term`. */
function* waitFor(
  node: ClusterNode,
  term: number,
  isSo: (survey: Survey) => boolean,
): Steps<Survey | undefined> {
  while (node.term === term) {
    const survey = yield* ask("survey", {});
    if (survey !== undefined && isSo(survey)) return survey;
    yield* ask("sleep", { ms: node.pauseMs });
  }
  return undefined;
}
