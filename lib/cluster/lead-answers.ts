/**
 * What a node is asked about the lead, and what is judged for all nodes.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import { lagOf, readView } from "../state/shared-view.ts";
import type { SharedNoticeOperations } from "../stat/operations.ts";
import type { SharedNotices } from "../stat/shared-notices.ts";
import type { Handlers } from "../worker/channel.ts";
import type { Logger } from "../worker/logger.ts";
import type { Acceptance } from "./acceptance.ts";
import type { Database } from "./database.ts";
import type { LeaderList } from "./leader-list.ts";
import type { Leadership } from "./leadership.ts";
import type { NodeOperations } from "./operations.ts";
import { survey } from "./statements.ts";

/** What answering needs. */
interface Means {
  readonly database: Database;
  readonly leadership: Leadership;
  readonly leaderList: LeaderList;
  readonly acceptance: Acceptance;
  readonly notices: SharedNotices;
  /** State of this node. */
  readonly state: DatabaseSync;
  readonly log: Pick<Logger, "info" | "warning">;
}

type LeadOperations =
  & SharedNoticeOperations
  & Pick<
    NodeOperations,
    "lead" | "resign" | "identity" | "survey" | "close" | "reopen"
  >;

/** Returns the answers to questions about the lead. */
export function leadAnswers(
  { database, leadership, leaderList, acceptance, notices, state, log }: Means,
): Handlers<LeadOperations> {
  /** The term that the log tells of. */
  let toldTerm: number | undefined;
  return {
    async lead() {
      const leads = await leadership.begin();
      if (!leads) {
        if (await acceptance.tell()) {
          log.info(
            "another node leads: it accepts in its next pass what shrank",
          );
        }
        return false;
      }
      if (leadership.term !== toldTerm) {
        toldTerm = leadership.term;
        const { name } = database.config;
        log.info(`this node leads ${name} in term ${toldTerm}`);
      }
      await acceptance.hear();
      return true;
    },
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
    async resign() {
      await leadership.resign();
      return null;
    },
    identity: () => leaderList.identity(),
    async survey() {
      const found = await survey(database);
      return { term: leadership.held ?? null, ...found };
    },
    async close() {
      await leaderList.close();
      return null;
    },
    async reopen({ server, hasRoom }) {
      if (hasRoom) await leaderList.open(server);
      else await leaderList.openAgain();
      return null;
    },
  };
}
