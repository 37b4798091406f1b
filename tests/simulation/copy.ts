/**
 * The work of a node as it is simulated: copying what is wanted, and removing what was
 * withdrawn, file by file.
 *
 * @module
 */

import {
  insist,
  type Work,
  workOnClaim,
} from "../../lib/cluster/claim-steps.ts";
import type { ClusterNode } from "../../lib/cluster/node.ts";
import {
  ask,
  type GrantedClaim,
  type Steps,
  type Wanted,
} from "../../lib/cluster/requests.ts";

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
