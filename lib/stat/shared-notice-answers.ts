/**
 * What a node is asked to judge for all nodes of a cluster.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import type { Database } from "../cluster/database.ts";
import type { Leadership } from "../cluster/leadership.ts";
import { lagOf, readView } from "../state/shared-view.ts";
import type { Handlers } from "../worker/channel.ts";
import type { Logger } from "../worker/logger.ts";
import type { NoticePolicy } from "./notices.ts";
import type { SharedNoticeOperations } from "./operations.ts";
import { SharedNotices } from "./shared-notices.ts";

/** What judging needs. */
interface Means {
  readonly database: Database;
  readonly leadership: Leadership;
  readonly policy: NoticePolicy;
  /** State of this node. */
  readonly state: DatabaseSync;
  readonly log: Pick<Logger, "warning">;
}

/** Returns the answers to questions about what there is to tell. */
export function sharedNoticeAnswers(
  { database, leadership, policy, state, log }: Means,
): Handlers<SharedNoticeOperations> {
  const notices = new SharedNotices(database, policy);
  return {
    async judgeLead() {
      const { held } = leadership;
      if (held === undefined) return [];
      const told = await notices.judgeLead(held);
      for (const { reason } of told) log.warning(reason!);
      return told;
    },
    // The others copy from the server that it has chosen.
    judgeSwitch: (change) =>
      leadership.isLeading ? notices.judgeSwitch(change) : [],
    judgePass({ report }) {
      const counts = readView(state)?.counts;
      // A pass that found no server knows no lag, and yet it grows.
      const lag = counts === undefined ? 0 : lagOf(counts, Date.now());
      const lagging = { ...report, lag_seconds: Math.round(lag) };
      // One that reaches no server resigns before it is judged.
      return notices.judgePass(lagging, leadership.hasLed);
    },
    async unheard({ condition }) {
      await notices.unheard(condition);
      return null;
    },
  };
}
