/**
 * What a node is asked about claims.
 *
 * @module
 */

import type { CopyOrder } from "../config/config.ts";
import type { Handlers } from "../worker/channel.ts";
import type { Database } from "./database.ts";
import type { LeaderList } from "./leader-list.ts";
import type { NodeOperations } from "./operations.ts";
import type { SharedList } from "./shared-list.ts";
import { claimedFiles } from "./shared-overview.ts";
import {
  type Claimant,
  extend,
  release,
  take,
  takeOver,
} from "./statements.ts";

/** A batch is copied and committed in one go: it must not take longer than a part of a pass. */
const batch = { files: 1_000, bytes: 128 * 1024 * 1024 };

/** What answering needs. */
interface Means {
  readonly database: Database;
  readonly list: SharedList;
  readonly leaderList: LeaderList;
  readonly claimant: Claimant;
  readonly order: CopyOrder;
  /** True if files that arrive are to be announced to a hook. */
  readonly announces: boolean;
}

type ClaimOperations = Pick<
  NodeOperations,
  | "claim"
  | "claimWithdrawn"
  | "extend"
  | "commit"
  | "commitRemoved"
  | "release"
>;

/** Returns the answers to questions about claims. */
export function claimAnswers(
  { database, list, leaderList, claimant, order, announces }: Means,
): Handlers<ClaimOperations> {
  return {
    async claim() {
      const claim = await takeOver(database, claimant) ??
        await take(database, claimant, batch, order);
      if (claim === undefined) return null;
      if (claim.removes) return { ...claim, removes: true };
      const files = await claimedFiles(database, claim.id, order);
      return { ...claim, removes: false, files };
    },
    async claimWithdrawn({ server }) {
      const { files } = batch;
      const claim = await leaderList.claimWithdrawn(claimant, {
        ...{ server, files },
      });
      return claim === undefined ? null : { ...claim, removes: true };
    },
    extend: ({ id }) => extend(database, id, claimant.leaseMs),
    commit: ({ id, server, files }) =>
      list.arrived(id, server, files, { announce: announces }),
    commitRemoved: ({ id, paths }) => list.removed(id, paths),
    async release({ id, server, failed, tried }) {
      await list.failed(server, failed);
      await release(database, id, tried);
      return null;
    },
  };
}
