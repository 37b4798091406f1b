/**
 * cluster: the synchronised list that several nodes share, in PostgreSQL. It runs in
 * place of synchro-list, and is asked the same and more: for the lease, and for claims.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import { delay } from "@std/async/delay";
import { replaced, SharedList } from "../lib/cluster/shared-list.ts";
import {
  backlogOf,
  claimedFiles,
  copiesHere,
  missingFrom,
  unannounced,
  wantedFiles,
} from "../lib/cluster/shared-overview.ts";
import { Database } from "../lib/cluster/database.ts";
import { drive, driveUntil, unlessLost } from "../lib/cluster/drive.ts";
import { ClusterNode } from "../lib/cluster/node.ts";
import type {
  NodeOperations,
  NodeSettings,
  WorkWaits,
} from "../lib/cluster/operations.ts";
import { lookAtList, lookAtNodes, showLife } from "../lib/cluster/members.ts";
import { migrate } from "../lib/cluster/schema.ts";
import * as statements from "../lib/cluster/statements.ts";
import { describe } from "../lib/errors.ts";
import { openState } from "../lib/state/database.ts";
import { keepView } from "../lib/state/shared-view.ts";
import { recall, serversInUse } from "../lib/test-server/memory.ts";
import { compileFilter } from "../lib/state/judge.ts";
import type {
  SynchroListOperations,
  SynchroListSettings,
} from "../lib/synchro-list/operations.ts";
import type { ListStore } from "../lib/synchro-list/store.ts";
import { synchronise } from "../lib/synchro-list/synchronise.ts";
import { type Context, runModule, type Running } from "../lib/worker/life.ts";

type ClusterContext = Context<
  "synchro-list",
  SynchroListSettings & NodeSettings,
  WorkWaits
>;

/** A batch is copied and committed in one go: it must not take longer than a part of a pass. */
const batch = { files: 1_000, bytes: 128 * 1024 * 1024 };

/**
 * Returns what a node answers.
 *
 * @throws {LocalError} If the database cannot be used.
 */
export async function cluster(
  context: ClusterContext,
): Promise<Running<SynchroListOperations & NodeOperations>> {
  const { settings, figures, log } = context;
  const { servers, replica, announces } = settings;
  const { leaseMs, name } = settings.database;
  const database = new Database(settings.database);
  await migrate(database);
  const list = new SharedList(database, compileFilter(replica), {
    charset: replica.filenameCharset,
  }, settings.node);
  const node = new ClusterNode({
    holder: `${settings.node}/${crypto.randomUUID().slice(0, 8)}`,
    leaseMs,
    monotonic: () => performance.now(),
  });
  const { holder } = node;
  const claimant = { holder, leaseMs };
  const ended = new AbortController();
  const member = { name: settings.node, holder };
  await showLife(database, member);
  const state = openState(replica.state);
  const look = async () => {
    await showLife(database, member);
    await keep(state, context, database);
  };
  const acquire = async () => {
    const term = await statements.acquire(database, claimant);
    return term === undefined ? null : { term };
  };
  const keeping = driveUntil(ended.signal, node.keepLease(), {
    acquire: () => unlessLost(acquire()),
  });
  const watching = settings.loop
    ? watch(context, { database, node, look, signal: ended.signal })
    : undefined;
  /** The term that the pass under way leads in. */
  let led: number | undefined;
  let reading: AbortController | undefined;
  const named = new Map(servers.map((server) => [server.name, server]));

  /** The term to write in; the database refuses it, too, once it is over. */
  function term(): number {
    if (led === undefined || node.term !== led) throw replaced();
    return led;
  }

  async function resign(): Promise<void> {
    const { term } = node;
    node.resign();
    led = undefined;
    if (term === undefined) return;
    await unlessLost(statements.resign(database, term));
  }

  const store: ListStore = {
    intake: {
      cursor: (server) => list.cursor(server),
      begin: (server, life) => list.begin(term(), server, life),
      resume: (server) => list.resume(term(), server),
      take: (reading, entries, cursor, refusals) =>
        list.take(term(), reading, entries, cursor, refusals),
      complete: (reading) => list.complete(term(), reading),
    },
    sets: { matter: false, takeOver() {}, endReading() {} },
  };

  return {
    handlers: {
      async lead() {
        const before = led;
        led = node.term ?? await drive(node.acquire(), { acquire });
        if (led !== undefined && led !== before) {
          log.info(`this node leads ${name} in term ${led}`);
        }
        return led !== undefined;
      },
      async resign() {
        await resign();
        return null;
      },
      identity: () => statements.identity(database),
      async survey() {
        const survey = await statements.survey(database);
        return { term: node.term ?? null, ...survey };
      },
      async close() {
        await list.close(term());
        return null;
      },
      async claim() {
        const claim = await statements.takeOver(database, claimant) ??
          await statements.take(database, claimant, batch);
        if (claim === undefined) return null;
        return { ...claim, files: await claimedFiles(database, claim.id) };
      },
      extend: ({ id }) => statements.extend(database, id, leaseMs),
      commit: ({ id, server, files }) =>
        list.arrived(id, server, files, { announce: announces }),
      async release({ id, server, failed, tried }) {
        await list.failed(server, failed);
        await statements.release(database, id, tried);
        return null;
      },
      async synchronise({ server, active }) {
        reading = new AbortController();
        const { signal } = reading;
        // The node that leads has seen to it that nothing is claimed.
        await list.close(term());
        try {
          const synchronised = await synchronise(context, named.get(server)!, {
            list: store,
            walk: () => Promise.reject(new Error("a tree in a cluster")),
            signal,
          });
          if (active) {
            await list.resolve(term());
            await list.follow(term(), server, replica.delete === "keep");
            await list.open(term(), server);
          } else await list.openAgain(term());
          // Another node may have gone on by the next pass.
          return { ...synchronised, cursor: null };
        } catch (error) {
          if (!active) log.info(describe(error));
          throw error;
        }
      },
      abandon() {
        reading?.abort();
        return null;
      },
      wanted: ({ server, last, limit }) =>
        wantedFiles(database, server, last, limit),
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
      unannounced: () =>
        led !== undefined && node.term === led ? unannounced(database) : [],
      async announced({ paths }) {
        await list.announced(term(), paths);
        return null;
      },
      ...unsupported(
        ...["sets", "leaving", "shown", "hold", "arrived", "failed"] as const,
        ...["withdrawn", "removed", "reached", "differs"] as const,
        ...["exported", "digests", "unannouncedSet", "announcedSet"] as const,
      ),
    },
    async end() {
      ended.abort();
      await Promise.all([keeping, watching]);
      await resign();
      state.close();
      list[Symbol.dispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}

/** Of so many looks for work, one is a look at all nodes and at the whole list. */
const lookEvery = 4;

/** Looks now and then for work that need not wait until the next pass is due. */
async function watch(
  { tell }: Pick<ClusterContext, "tell">,
  { database, node, look, signal }: {
    readonly database: Database;
    readonly node: ClusterNode;
    look(): Promise<void>;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  let told = { pass: 0, term: node.term };
  let lookedAt = -Infinity;
  const pause = () => delay(node.pauseMs, { signal });
  while (await pause().then(() => true, () => false)) {
    if (performance.now() - lookedAt > lookEvery * node.pauseMs) {
      lookedAt = performance.now();
      await unlessLost(look());
    }
    const survey = await unlessLost(statements.survey(database));
    if (survey === undefined) continue;
    const { term } = node;
    const { pass, isAnythingFree } = survey;
    const leadsSince = term !== undefined && term !== told.term;
    if (!leadsSince && (!isAnythingFree || pass === told.pass)) continue;
    told = { pass, term };
    tell({ workWaits: true });
  }
}

/** Keeps what there is to be seen of all nodes in the state of this one. */
async function keep(
  state: DatabaseSync,
  { settings }: Pick<ClusterContext, "settings">,
  database: Database,
): Promise<void> {
  const inUse = serversInUse(recall(state));
  const [seen, counts] = await Promise.all([
    lookAtNodes(database),
    lookAtList(database, inUse),
  ]);
  const { node, database: { name } } = settings;
  const cluster = { name, node, seen: Date.now() / 1_000, ...seen };
  keepView(state, { cluster, counts });
}

/** Questions that the configuration rules out where nodes share a replica. */
function unsupported<Kind extends keyof SynchroListOperations>(
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
