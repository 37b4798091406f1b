/**
 * Working on a claim: it is relied on only while it is extended, and whoever held it
 * before is fenced off before anything is done.
 *
 * @module
 */

import type { ClusterNode } from "./node.ts";
import {
  ask,
  type GrantedClaim,
  type Steps,
  type Unanswered,
} from "./requests.ts";

/**
 * Does what a claim is for, and commits it; returns the paths of the files that
 * failed, or `undefined` if the node no longer relies on the claim.
 */
export type Work = (
  node: ClusterNode,
  claim: GrantedClaim,
) => Steps<readonly string[] | undefined>;

/** Asks for a batch, and has `work` done with it; returns whether there was one. */
export function* workOnClaim(
  node: ClusterNode,
  claiming: Steps<GrantedClaim | null | Unanswered>,
  work: Work,
): Steps<boolean> {
  const grant = node.sending();
  const claim = yield* claiming;
  if (!claim) return false;
  node.hold(claim.id, grant);
  try {
    yield* carryOut(node, claim, work);
  } finally {
    node.drop(claim.id);
  }
  return true;
}

/**
 * A node that no longer relies on its claim stops where it is, and leaves the rest
 * to the node that takes it over.
 */
function* carryOut(
  node: ClusterNode,
  claim: GrantedClaim,
  work: Work,
): Steps<void> {
  const { id, behind } = claim;
  yield* ask("prepare", { id });
  // The claim is still held: so a node that takes it over finds this directory.
  if (!(yield* insist(node, id, () => node.extend(id)))) return;
  for (const old of behind) yield* ask("fence", { id, old });
  const tried = yield* work(node, claim);
  if (tried === undefined) return;
  yield* ask("clear", { id });
  yield* insist(node, id, () => ask("release", { id, tried }));
}

/** Asks until there is an answer; false if the claim runs out before. */
export function* insist(
  node: ClusterNode,
  id: number,
  request: () => Steps<boolean | undefined>,
): Steps<boolean> {
  while (node.holds(id)) {
    const answer = yield* request();
    if (answer !== undefined) return answer;
    yield* ask("sleep", { ms: node.pauseMs });
  }
  return false;
}
