/**
 * What every node does: it claims files, fetches them into a directory of the claim,
 * and puts them in place.
 *
 * @module
 */

import type { Wanted } from "./claims.ts";
import type { ClusterNode } from "./node.ts";
import { ask, type GrantedClaim, type Steps } from "./requests.ts";

/** Copies whatever there is to copy, without end. */
export function* copy(node: ClusterNode): Steps<never> {
  for (;;) {
    const grant = node.sending();
    const claim = yield* ask("claim", { holder: node.holder });
    if (claim) {
      node.hold(claim.id, grant);
      yield* carryOut(node, claim);
      node.drop();
    } else yield* ask("sleep", { ms: node.pauseMs });
  }
}

/**
 * Stage, barrier, rename, barrier, commit. A node that no longer relies on its claim
 * stops where it is, and leaves the rest to the node that takes it over.
 */
function* carryOut(
  node: ClusterNode,
  { id, behind, files }: GrantedClaim,
): Steps<void> {
  yield* ask("prepare", { id });
  // The claim is still held: so a node that takes it over finds this directory.
  if (!(yield* insist(node, id, () => node.extend(id)))) return;
  for (const old of behind) yield* ask("fence", { id, old });
  const here: Wanted[] = [];
  const staged: Wanted[] = [];
  for (const file of files) {
    if (!node.holds(id)) return;
    // The node that had the claim before may have placed it without committing that.
    const isThere = behind.length > 0 && (yield* ask("isInPlace", { file }));
    if (isThere) here.push(file);
    else if (yield* ask("stage", { id, file })) staged.push(file);
  }
  yield* ask("barrier", {});
  for (const file of staged) {
    if (!node.holds(id)) return;
    if (!(yield* ask("place", { id, file }))) return;
    here.push(file);
  }
  yield* ask("barrier", {});
  const paths = here.map(({ path }) => path);
  if (!(yield* insist(node, id, () => ask("commit", { id, paths })))) return;
  yield* ask("clear", { id });
  yield* insist(node, id, () => ask("release", { id }));
}

/** Asks until there is an answer; false if the claim runs out before. */
function* insist(
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
