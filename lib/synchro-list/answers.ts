/**
 * What synchro-list answers, on a synchronised list in SQLite.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import type { RemoteSession } from "../connection/remote-session.ts";
import { describe } from "../errors.ts";
import { Space } from "../files/space.ts";
import { databasePath } from "../state/database.ts";
import { compileFilter } from "../state/judge.ts";
import {
  copiesHere,
  digestsHere,
  filesShown,
  isAnythingElseHere,
  missingFrom,
} from "../state/overview.ts";
import { nothingReached, reachedOf } from "../state/reached.ts";
import { type Conflict, SynchronisedList } from "../state/synchronised-list.ts";
import type { Handlers } from "../worker/channel.ts";
import type { Logger } from "../worker/logger.ts";
import { guardDeletion } from "./guard.ts";
import type { SynchroListOperations } from "./operations.ts";
import { type SynchroListContext, synchronise } from "./synchronise.ts";
import { followTree } from "./tree-changes.ts";
import { ListedTree } from "./tree-names.ts";

/** Returns what synchro-list answers; `db` is its state, or for a dry run one that takes changes and keeps none. */
export function answersOn(
  db: DatabaseSync,
  context: SynchroListContext,
): Handlers<SynchroListOperations> {
  const { settings: { servers, replica, dryRun, order, ...settings } } =
    context;
  const list = new SynchronisedList(db, compileFilter(replica), {
    order,
    charset: replica.filenameCharset,
    sets: replica.sets,
    ...dryRun ? {} : { space: new Space(databasePath(replica.state)) },
  });
  if (!dryRun) list.intake.keepOnly(servers.map(({ name }) => name));
  const conflicts = new ToldConflicts(context.log);
  let reading: AbortController | undefined;
  const named = new Map(servers.map((server) => [server.name, server]));

  function guardRemoval(server: string): void {
    if (settings.acceptShrink) return;
    const withdrawn = list.withdrawals.count(server);
    const here = withdrawn === 0 ? 0 : list.count();
    guardDeletion(withdrawn, here, replica.maxDelete);
  }

  return {
    async synchronise({ server, active }) {
      reading = new AbortController();
      const { signal } = reading;
      const config = named.get(server)!;
      const { root } = config;
      const { treeRescanMs: rescanMs, links } = replica;
      const followed = { rescanMs, links };
      const means = {
        list,
        walk: (session: RemoteSession) =>
          followTree(list, new ListedTree(session, root), root, followed),
        signal,
      };
      if (!active) {
        try {
          return await synchronise(context, config, means);
        } catch (error) {
          // No pass fails because of it, and so nobody else tells.
          context.log.info(describe(error));
          throw error;
        }
      }
      const synchronised = await synchronise(context, config, means);
      list.resolve();
      // A plan needs no more than what was withdrawn.
      if (!dryRun) {
        await list.withdrawals.follow(server, replica.delete === "keep");
      }
      conflicts.tell(list.conflicts(server, conflictsTold));
      return synchronised;
    },
    abandon() {
      reading?.abort();
      return null;
    },
    wanted: ({ server, last, limit, unit }) =>
      unit === undefined
        ? list.wanted(server, last, limit)
        : list.wantedOf(server, unit, last, limit),
    sets: ({ server }) => list.sets.pending(server),
    leaving({ server, unit }) {
      guardRemoval(server);
      return list.sets.leaving(server, unit);
    },
    shown({ server, units, files, gone }) {
      list.shown(server, { units, files, gone }, {
        announce: settings.announces,
      });
      return null;
    },
    hold({ server, unit, obstacle }) {
      list.sets.hold(server, unit, obstacle);
      return null;
    },
    arrived({ server, files }) {
      list.arrived(server, files, { announce: settings.announces });
      return null;
    },
    failed({ server, files }) {
      list.failed(server, files);
      return null;
    },
    withdrawn({ server, after, limit }) {
      // Later on, some of what it counts may have gone.
      if (after === null) guardRemoval(server);
      return list.sets.matter && !dryRun
        ? list.ofNoSet(server, after ?? "", limit)
        : list.withdrawals.files(server, after ?? "", limit);
    },
    removed({ paths }) {
      list.withdrawals.removed(paths);
      return null;
    },
    here: ({ after, limit }) => copiesHere(db, after, limit),
    reached: ({ server }) => reachedOf(db, server) ?? nothingReached,
    differs: ({ server }) => isAnythingElseHere(db, server),
    exported: ({ after, limit }) => filesShown(db, after, limit),
    digests: ({ after, limit }) => digestsHere(db, after, limit),
    backlog({ server }) {
      const names = servers.map(({ name }) => name);
      const preferred = names.slice(0, names.indexOf(server));
      const backlog = list.backlog(server, preferred);
      context.figures.set("pending", backlog.pending);
      return backlog;
    },
    missing: ({ server }) => missingFrom(db, [...named.keys()], server),
    unannounced: () => list.unannounced(),
    announced({ paths }) {
      list.announced(paths);
      return null;
    },
    unannouncedSet: () => list.unannouncedSet(),
    announcedSet({ number }) {
      list.announcedSet(number);
      return null;
    },
  };
}

/** Conflicts that are logged in full; `relais status` counts all, `relais why` tells each. */
const conflictsTold = 20;

/** Logs each conflict once. */
class ToldConflicts {
  readonly #log: Pick<Logger, "warning">;
  #told = new Set<string>();

  constructor(log: Pick<Logger, "warning">) {
    this.#log = log;
  }

  /** Logs those that were not there when this was last called. */
  tell(conflicts: readonly Conflict[]): void {
    const now = new Map(conflicts.map((each) => [JSON.stringify(each), each]));
    for (const [key, conflict] of now) {
      if (!this.#told.has(key)) this.#tell(conflict);
    }
    this.#told = new Set(now.keys());
  }

  /** Tells both versions, a line each: two digests fit into no message. */
  #tell({ path, here, offered }: Conflict): void {
    this.#log.warning(
      `${path} differs on two servers; the copy stays as it is`,
    );
    for (const { server, op, size, digest } of [here, offered]) {
      this.#log.warning(
        op === "-"
          ? `${server}: withdrawn`
          : `${server}: ${size} bytes, ${digest ?? "no digest"}`,
      );
    }
  }
}
