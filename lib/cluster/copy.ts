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
    const isAnything = yield* copyBatch(node, copyFiles);
    if (!isAnything) yield* ask("sleep", { ms: node.pauseMs });
  }
}

/**
 * Copies the files of a claim, and commits them; returns the paths of those that
 * failed, or `undefined` if the node no longer relies on the claim.
 */
export type Work = (
  node: ClusterNode,
  claim: GrantedClaim,
) => Steps<readonly string[] | undefined>;

/** Claims a batch, and has `work` done with it; returns whether there was one. */
export function* copyBatch(node: ClusterNode, work: Work): Steps<boolean> {
  const grant = node.sending();
  const claim = yield* ask("claim", { holder: node.holder });
  if (!claim) return false;
  node.hold(claim.id, grant);
  try {
    yield* carryOut(node, claim, work);
  } finally {
    node.drop();
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

/** Stage, barrier, rename, barrier, commit. */
function* copyFiles(
  node: ClusterNode,
  { id, behind, files }: GrantedClaim,
): Steps<readonly string[] | undefined> {
  const here: Wanted[] = [];
  const staged: Wanted[] = [];
  const failed: string[] = [];
  for (const file of files) {
    if (!node.holds(id)) return undefined;
    // The node that had the claim before may have placed it without committing that.
    const isThere = behind.length > 0 && (yield* ask("isInPlace", { file }));
    if (isThere) here.push(file);
    else if (yield* ask("stage", { id, file })) staged.push(file);
    else failed.push(file.path);
  }
  yield* ask("barrier", {});
  for (const file of staged) {
    if (!node.holds(id)) return undefined;
    if (!(yield* ask("place", { id, file }))) return undefined;
    here.push(file);
  }
  yield* ask("barrier", {});
  const paths = here.map(({ path }) => path);
  const commit = () => ask("commit", { id, paths });
  return (yield* insist(node, id, commit)) ? failed : undefined;
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
