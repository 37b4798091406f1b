/**
 * What a node is asked about the lead.
 *
 * @module
 */

import type { Handlers } from "../worker/channel.ts";
import type { Logger } from "../worker/logger.ts";
import type { Acceptance } from "./acceptance.ts";
import type { Database } from "./database.ts";
import { isTableMissing } from "./failure.ts";
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
  readonly log: Pick<Logger, "info">;
  /** Makes the tables, if they are missing. */
  makeTables(): Promise<void>;
}

type LeadOperations = Pick<
  NodeOperations,
  "lead" | "resign" | "identity" | "survey" | "close" | "reopen"
>;

/** Returns the answers to questions about the lead. */
export function leadAnswers(
  { database, leadership, leaderList, acceptance, log, makeTables }: Means,
): Handlers<LeadOperations> {
  /** The term that the log tells of. */
  let toldTerm: number | undefined;

  async function beginPass(): Promise<boolean> {
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
  }

  return {
    async lead() {
      try {
        return await beginPass();
      } catch (error) {
        if (!isTableMissing(error)) throw error;
        // An administrator has dropped them, to begin again.
        await makeTables();
        return await beginPass();
      }
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
