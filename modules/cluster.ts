/**
 * cluster: the synchronised list that several nodes share, in PostgreSQL. It runs in
 * place of synchro-list, and is asked the same and more: for the lease, and for claims.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import { SharedList } from "../lib/cluster/shared-list.ts";
import {
  backlogOf,
  claimedFiles,
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
  ClaimedBatch,
  NodeOperations,
  NodeSettings,
  WorkWaits,
} from "../lib/cluster/operations.ts";
import { lookAtList, lookAtNodes, showLife } from "../lib/cluster/members.ts";
import { keepIndexOf, migrate } from "../lib/cluster/schema.ts";
import * as statements from "../lib/cluster/statements.ts";
import { watch } from "../lib/cluster/watch.ts";
import { countWithdrawn, withdrawnFiles } from "../lib/cluster/withdrawn.ts";
import { describe } from "../lib/errors.ts";
import { openState, temporaryState } from "../lib/state/database.ts";
import { keepView, lagOf, readView } from "../lib/state/shared-view.ts";
import type {
  SharedNoticeOperations,
  SharedNoticeSettings,
} from "../lib/stat/operations.ts";
import { SharedNotices } from "../lib/stat/shared-notices.ts";
import { compileFilter } from "../lib/state/judge.ts";
import { answersOn } from "../lib/synchro-list/answers.ts";
import type {
  SynchroListOperations,
  SynchroListSettings,
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

/** A batch is copied and committed in one go: it must not take longer than a part of a pass. */
const batch = { files: 1_000, bytes: 128 * 1024 * 1024 };

/**
 * Returns what a node answers.
 *
 * @throws {LocalError} If the database cannot be used.
 */
export async function cluster(
  context: ClusterContext,
): Promise<Running<Answered>> {
  const { settings, figures, log } = context;
  const { servers, replica, announces, order } = settings;
  if (settings.dryRun) return await rehearse(context);
  const { leaseMs, name } = settings.database;
  const database = new Database(settings.database);
  await migrate(database);
  await keepIndexOf(database, order);
  const list = new SharedList(database, compileFilter(replica), {
    charset: replica.filenameCharset,
  }, settings.node);
  const notices = new SharedNotices(database, settings.notices);
  const leadership = new Leadership(database, settings.node);
  const { member } = leadership;
  await showLife(database, member);
  const { holder } = member;
  const claimant = { holder, leaseMs };
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
  let toldTerm: number | undefined;
  /** Number of the last pass, as the directory was last compared with it. */
  let comparedPass: number | undefined;
  /** True if the pass under way began as that of the leader: one that reaches no server resigns. */
  let hasLed = false;
  /** Term in which it was judged whether the node before has given up the lead. */
  let judgedTerm: number | undefined;
  /** True if the node that leads was told to accept what shrank. */
  let hasTold = false;
  let reading: AbortController | undefined;
  /** See {@link SynchroListSettings.acceptShrink}; what was told another node counts for one pass. */
  let acceptsShrink = settings.acceptShrink;
  const named = new Map(servers.map((server) => [server.name, server]));

  async function guardRemoval(server: string): Promise<void> {
    if (acceptsShrink) return;
    const { withdrawn, here } = await countWithdrawn(database, server);
    guardDeletion(withdrawn, here, replica.maxDelete);
  }

  const store: ListStore = {
    intake: {
      cursor: (server) => list.cursor(server),
      begin: (server, life) => list.begin(leadership.term, server, life),
      resume: (server) => list.resume(leadership.term, server),
      take: (reading, entries, cursor, refusals) =>
        list.take(leadership.term, reading, entries, cursor, refusals),
      complete: (reading) => list.complete(leadership.term, reading),
    },
    sets: { matter: false, takeOver() {}, endReading() {} },
  };

  /** Returns a claim with all that there is to know of its files. */
  async function detailed(
    claim: statements.ServerClaim,
  ): Promise<ClaimedBatch> {
    if (claim.removes) return { ...claim, removes: true };
    const files = await claimedFiles(database, claim.id, order);
    return { ...claim, removes: false, files };
  }

  /** Reads the list of a server that files are not copied from; the others go on afterwards. */
  async function readOther<Result>(
    read: () => Promise<Result>,
  ): Promise<Result> {
    try {
      return await read();
    } catch (error) {
      // No pass fails because of it, and so nobody else tells.
      log.info(describe(error));
      throw error;
    } finally {
      await list.openAgain(leadership.term);
    }
  }

  return {
    handlers: {
      async lead() {
        const leads = await leadership.begin();
        hasLed = leads;
        if (leads && leadership.term !== toldTerm) {
          toldTerm = leadership.term;
          log.info(`this node leads ${name} in term ${toldTerm}`);
        }
        if (leads) {
          acceptsShrink = await statements.takeAcceptance(database) ||
            settings.acceptShrink;
        } else if (settings.acceptShrink && !hasTold) {
          await statements.acceptShrink(database);
          hasTold = true;
          log.info(
            "another node leads: it accepts in its next pass what shrank",
          );
        }
        return leads;
      },
      async judgeLead() {
        const { held } = leadership;
        if (held === undefined || held === judgedTerm) return [];
        const told = await notices.judgeLead(held);
        judgedTerm = held;
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
        return notices.judgePass(lagging, hasLed);
      },
      async unheard({ condition }) {
        await notices.unheard(condition);
        return null;
      },
      async resign() {
        await leadership.resign();
        return null;
      },
      async identity() {
        const identity = await statements.identity(database);
        comparedPass = identity.pass;
        return identity;
      },
      async survey() {
        const survey = await statements.survey(database);
        return { term: leadership.held ?? null, ...survey };
      },
      async close() {
        await list.close(leadership.term);
        return null;
      },
      async reopen({ server, hasRoom }) {
        const { term } = leadership;
        if (hasRoom) await list.open(term, server, comparedPass);
        else await list.openAgain(term);
        return null;
      },
      async claim() {
        const claim = await statements.takeOver(database, claimant) ??
          await statements.take(database, claimant, batch, order);
        return claim === undefined ? null : await detailed(claim);
      },
      async claimWithdrawn({ server }) {
        const { files } = batch;
        const { term } = leadership;
        const claim = await list.claimWithdrawn(term, claimant, {
          ...{ server, files },
        });
        return claim === undefined ? null : { ...claim, removes: true };
      },
      extend: ({ id }) => statements.extend(database, id, leaseMs),
      commit: ({ id, server, files }) =>
        list.arrived(id, server, files, { announce: announces }),
      commitRemoved: ({ id, paths }) => list.removed(id, paths),
      async release({ id, server, failed, tried }) {
        await list.failed(server, failed);
        await statements.release(database, id, tried);
        return null;
      },
      async synchronise({ server, active }) {
        reading = new AbortController();
        const { signal } = reading;
        const settings = { ...context.settings, acceptShrink: acceptsShrink };
        const read = async () => ({
          ...await synchronise({ ...context, settings }, named.get(server)!, {
            list: store,
            walk: () => Promise.reject(new Error("a tree in a cluster")),
            signal,
          }),
          // Another node may have gone on by the next pass.
          cursor: null,
        });
        // What is claimed was waited for.
        await list.close(leadership.term);
        if (!active) return await readOther(read);
        const synchronised = await read();
        await list.resolve(leadership.term);
        await list.refetch(leadership.term);
        const keeps = replica.delete === "keep";
        await list.follow(leadership.term, server, keeps);
        await list.open(leadership.term, server, comparedPass);
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
        await list.announced(leadership.term, paths);
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
      list[Symbol.dispose]();
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
  const cluster = { name, node, seen: Date.now() / 1_000, ...seen };
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
