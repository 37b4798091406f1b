/**
 * cluster: the synchronised list that several nodes share, in PostgreSQL. It runs in
 * place of synchro-list, and is asked the same and more: for the lease, and for claims.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import { Acceptance } from "../lib/cluster/acceptance.ts";
import { claimAnswers } from "../lib/cluster/claim-answers.ts";
import { LeaderList } from "../lib/cluster/leader-list.ts";
import { ListRows } from "../lib/cluster/list-rows.ts";
import { leadAnswers } from "../lib/cluster/lead-answers.ts";
import { SharedList } from "../lib/cluster/shared-list.ts";
import {
  backlogOf,
  copiesHere,
  missingFrom,
  unannounced,
  wantedFiles,
} from "../lib/cluster/shared-overview.ts";
import { Database } from "../lib/cluster/database.ts";
import { unlessLost } from "../lib/cluster/drive.ts";
import { lookAt } from "../lib/cluster/look.ts";
import { mirrorOf } from "../lib/cluster/mirror.ts";
import { Leadership } from "../lib/cluster/leadership.ts";
import type {
  NodeOperations,
  NodeSettings,
  WorkWaits,
} from "../lib/cluster/operations.ts";
import { lookAtList, lookAtNodes, showLife } from "../lib/cluster/members.ts";
import { keepIndexOf, migrate } from "../lib/cluster/schema.ts";
import { watch } from "../lib/cluster/watch.ts";
import { countWithdrawn, withdrawnFiles } from "../lib/cluster/withdrawn.ts";
import { describe } from "../lib/errors.ts";
import { openState, temporaryState } from "../lib/state/database.ts";
import { keepView, readView, withRates } from "../lib/state/shared-view.ts";
import type {
  SharedNoticeOperations,
  SharedNoticeSettings,
} from "../lib/stat/operations.ts";
import { sharedNoticeAnswers } from "../lib/stat/shared-notice-answers.ts";
import { compileFilter } from "../lib/state/judge.ts";
import { answersOn } from "../lib/synchro-list/answers.ts";
import type {
  SynchroListOperations,
  SynchroListSettings,
  Synchronised,
} from "../lib/synchro-list/operations.ts";
import { guardDeletion } from "../lib/synchro-list/guard.ts";
import type { ListStore } from "../lib/synchro-list/store.ts";
import { synchronise } from "../lib/synchro-list/synchronise.ts";
import { type Context, runModule, type Running } from "../lib/worker/life.ts";

type ClusterContext = Context<
  "synchro-list",
  SynchroListSettings & NodeSettings & SharedNoticeSettings,
  WorkWaits
>;

/** All that it is asked. */
type Answered =
  & SynchroListOperations
  & NodeOperations
  & SharedNoticeOperations;

/**
 * Returns what a node answers.
 *
 * @throws {LocalError} If the database cannot be used.
 */
export async function cluster(
  context: ClusterContext,
): Promise<Running<Answered>> {
  const { settings, figures, log } = context;
  if (settings.dryRun) return await rehearse(context);
  const { servers, replica, announces, order } = settings;
  const { leaseMs } = settings.database;
  const database = new Database(settings.database);
  const makeTables = async () => {
    await migrate(database);
    await keepIndexOf(database, order);
  };
  await makeTables();
  const leadership = new Leadership(database, settings.node);
  const { member } = leadership;
  await showLife(database, member);
  const rows = new ListRows(compileFilter(replica), {
    charset: replica.filenameCharset,
  }, settings.node);
  const list = new LeaderList(database, rows, leadership);
  const acceptance = new Acceptance(database, settings.acceptShrink);
  const state = openState(replica.state);
  const look = async () => {
    await showLife(database, member);
    await keep(state, context, database);
  };
  // A node that finds nothing to do in its pass has seen the others nevertheless.
  await unlessLost(keep(state, context, database));
  const ended = new AbortController();
  const watching = settings.loop
    ? watch(database, leadership, {
      look,
      onWork: () => context.tell({ workWaits: true }),
      signal: ended.signal,
    })
    : undefined;
  let reading: AbortController | undefined;
  const named = new Map(servers.map((server) => [server.name, server]));
  const store: ListStore = {
    intake: list,
    sets: { matter: false, takeOver() {}, endReading() {} },
  };

  /** Reads what a server has published since it was read last. */
  async function read(
    server: string,
    signal: AbortSignal,
  ): Promise<Synchronised> {
    const settings = { ...context.settings, acceptShrink: acceptance.holds };
    const synchronised = await synchronise(
      { ...context, settings },
      named.get(server)!,
      {
        list: store,
        walk: () => Promise.reject(new Error("a tree in a cluster")),
        signal,
      },
    );
    // Another node may have gone on by the next pass.
    return { ...synchronised, cursor: null };
  }

  /** Reads the list of a server that files are not copied from; the others go on afterwards. */
  async function readOther(
    server: string,
    signal: AbortSignal,
  ): Promise<Synchronised> {
    try {
      return await read(server, signal);
    } catch (error) {
      // No pass fails because of it, and so nobody else tells.
      log.info(describe(error));
      throw error;
    } finally {
      await list.openAgain();
    }
  }

  async function guardRemoval(server: string): Promise<void> {
    if (acceptance.holds) return;
    const { withdrawn, here } = await countWithdrawn(database, server);
    guardDeletion(withdrawn, here, replica.maxDelete);
  }

  return {
    handlers: {
      ...leadAnswers({
        ...{ database, leadership, leaderList: list, acceptance, log },
        makeTables,
      }),
      ...sharedNoticeAnswers({
        ...{ database, leadership, policy: settings.notices, state, log },
      }),
      ...claimAnswers({
        ...{ database, leaderList: list, order, announces },
        list: new SharedList(database, rows),
        claimant: { holder: member.holder, leaseMs },
      }),
      async synchronise({ server, active }) {
        reading = new AbortController();
        const { signal } = reading;
        // What is claimed was waited for.
        await list.close();
        if (!active) return await readOther(server, signal);
        const synchronised = await read(server, signal);
        await list.resolve();
        await list.refetch();
        await list.follow(server, replica.delete === "keep");
        await list.open(server);
        return synchronised;
      },
      abandon() {
        reading?.abort();
        return null;
      },
      wanted: (asked) => wantedFiles(database, asked, order),
      async withdrawn({ server, after, limit }) {
        // Later on, some of what it counts may have gone.
        if (after === null) await guardRemoval(server);
        return withdrawnFiles(database, server, after ?? "", limit);
      },
      here: ({ after, limit }) => copiesHere(database, after, limit),
      async backlog({ server }) {
        const names = servers.map(({ name }) => name);
        const preferred = names.slice(0, names.indexOf(server));
        const backlog = await backlogOf(database, server, preferred);
        await unlessLost(look());
        figures.set("pending", backlog.pending);
        return backlog;
      },
      missing: ({ server }) => missingFrom(database, [...named.keys()], server),
      // Whoever leads by now tells its hook.
      unannounced: () => leadership.isLeading ? unannounced(database) : [],
      async announced({ paths }) {
        await list.announced(paths);
        return null;
      },
      ...unsupported(
        ...["sets", "leaving", "shown", "hold", "arrived", "failed"] as const,
        ...["removed", "reached", "differs"] as const,
        ...["exported", "digests", "unannouncedSet", "announcedSet"] as const,
      ),
    },
    async end() {
      ended.abort();
      await leadership[Symbol.asyncDispose]();
      await watching;
      state.close();
      rows[Symbol.dispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}

/** Keeps what there is to be seen of all nodes in the state of this one. */
async function keep(
  state: DatabaseSync,
  { settings }: Pick<ClusterContext, "settings">,
  database: Database,
): Promise<void> {
  const names = settings.servers.map(({ name }) => name);
  const [seen, counts] = await Promise.all([
    lookAtNodes(database),
    lookAtList(database, names),
  ]);
  const { node, database: { name } } = settings;
  const now = Date.now() / 1_000;
  const nodes = withRates(seen.nodes, now, readView(state)?.cluster);
  const cluster = { name, node, seen: now, ...seen, nodes };
  keepView(state, { cluster, counts });
}

/**
 * Returns what a dry run is answered: it changes a copy of the list in memory, and
 * needs no lease for that.
 */
async function rehearse(context: ClusterContext): Promise<Running<Answered>> {
  const database = await lookAt(context.settings.database);
  const db = database === undefined
    ? temporaryState()
    : await mirrorOf(database)
      .finally(() => database[Symbol.asyncDispose]());
  return {
    handlers: {
      ...answersOn(db, context),
      lead: () => true,
      resign: () => null,
      ...unsupported(
        ...["identity", "survey", "close", "claim", "extend"] as const,
        ...["claimWithdrawn", "commit", "commitRemoved", "release"] as const,
        ...["reopen", "unheard"] as const,
        ...["judgeLead", "judgeSwitch", "judgePass"] as const,
      ),
    },
    end: () => db.close(),
  };
}

/** Questions that nobody asks here. */
function unsupported<Kind extends keyof Answered>(
  ...kinds: readonly Kind[]
): Record<Kind, () => never> {
  const refuse = () => {
    throw new Error("not in a cluster");
  };
  return Object.fromEntries(
    kinds.map((kind) => [kind, refuse]),
  ) as Record<Kind, () => never>;
}

if (import.meta.main) runModule("synchro-list", cluster);
