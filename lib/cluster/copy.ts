/**
 * Work on claims: a node claims files, fetches them into a directory of the claim, and
 * puts them in place; or, if it leads, takes files away that were withdrawn.
 *
 * @module
 */

import type { Wanted } from "./claims.ts";
import type { ClusterNode } from "./node.ts";
import {
  ask,
  type GrantedClaim,
  type Steps,
  type Unanswered,
} from "./requests.ts";

/** Copies whatever there is to copy, without end. */
export function* copy(node: ClusterNode): Steps<never> {
  for (;;) {
    const claiming = ask("claim", { holder: node.holder });
    const isAnything = yield* workOnClaim(node, claiming, dealWith);
    if (!isAnything) yield* ask("sleep", { ms: node.pauseMs });
  }
}

/** Removes all that was withdrawn, in `term`, while nothing else is claimed. */
export function* removeWithdrawn(
  node: ClusterNode,
  term: number,
): Steps<void> {
  const { holder } = node;
  let isAnything = true;
  while (isAnything && node.term === term) {
    const claiming = ask("claimWithdrawn", { term, holder });
    isAnything = yield* workOnClaim(node, claiming, dealWith);
  }
}

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

function dealWith(
  node: ClusterNode,
  claim: GrantedClaim,
): ReturnType<Work> {
  return claim.removes ? removeFiles(node, claim) : copyFiles(node, claim);
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

/** Rename, barrier, commit. Of a claim that was taken over, only what is gone already. */
function* removeFiles(
  node: ClusterNode,
  { id, behind, files }: GrantedClaim,
): Steps<readonly string[] | undefined> {
  const paths: string[] = [];
  for (const file of files) {
    if (!node.holds(id)) return undefined;
    if (behind.length === 0) {
      if (!(yield* ask("takeAway", { id, file }))) return undefined;
    } else if (!(yield* ask("isInPlace", { file }))) continue;
    paths.push(file.path);
  }
  yield* ask("barrier", {});
  const commit = () => ask("commit", { id, paths });
  return (yield* insist(node, id, commit)) ? [] : undefined;
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
