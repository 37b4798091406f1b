/**
 * copy-list: fetches only what is new, and puts it in place only when it is
 * whole and would survive a power cut.
 *
 * @module
 */

import type { NodeOperations } from "../lib/cluster/operations.ts";
import type { ConnectionOperations } from "../lib/connection/operations.ts";
import { Alone } from "../lib/copy-list/alone.ts";
import { amendRights } from "../lib/copy-list/amend.ts";
import { Copier } from "../lib/copy-list/copier.ts";
import { Fetcher } from "../lib/copy-list/fetch.ts";
import { type CopyListContext, observe } from "../lib/copy-list/observe.ts";
import type { CopyListOperations } from "../lib/copy-list/operations.ts";
import { Origin } from "../lib/copy-list/origin.ts";
import { Sessions } from "../lib/copy-list/sessions.ts";
import { setsOf } from "../lib/copy-list/set-tools.ts";
import type { Tools } from "../lib/copy-list/tools.ts";
import type { Work } from "../lib/copy-list/work.ts";
import { UnreachableError } from "../lib/errors.ts";
import { descriptorsOf } from "../lib/files/descriptors.ts";
import { Destination } from "../lib/files/destination.ts";
import { Durability } from "../lib/files/durability.ts";
import { requireNoPublisher } from "../lib/files/keeper.ts";
import { Moves } from "../lib/files/moves.ts";
import { Rights } from "../lib/files/rights.ts";
import { Space } from "../lib/files/space.ts";
import { Throttle } from "../lib/files/throttle.ts";
import { knownHere } from "../lib/republish/known-here.ts";
import { Republishing } from "../lib/republish/republish.ts";
import type { SynchroListOperations } from "../lib/synchro-list/operations.ts";
import { runModule, type Running } from "../lib/worker/life.ts";

/**
 * Returns what copy-list answers.
 *
 * @throws {LocalError} If the destination cannot be used.
 */
export async function copyList(
  context: CopyListContext,
): Promise<Running<CopyListOperations>> {
  const { settings: { servers, limits, copy, replica }, log } = context;
  const rights = new Rights(replica.rights);
  const destination = new Destination(
    replica.into,
    descriptorsOf(replica.state),
    rights,
  );
  if (replica.republish) requireNoPublisher(replica.into);
  destination.prepare();
  const durability = new Durability();
  const republishing = new Republishing(destination, durability, replica);
  const moves = new Moves(destination, durability);
  const work = await workOf(context, { destination, durability, moves });
  const named = new Map(servers.map((server) => [server.name, server]));
  const connection = () => context.peer<ConnectionOperations>("connection");
  const list = () => context.peer<SynchroListOperations>("synchro-list");
  let copier: Copier | undefined;
  let throttle: Throttle | undefined;
  let copying: AbortController | undefined;

  return {
    handlers: {
      async recover() {
        await work.recover();
        return null;
      },
      async copy({ server, maxTransfer, without, only }) {
        copying = new AbortController();
        await using sessions = await Sessions.open(
          connection(),
          server,
          {
            count: copy.connections,
            requestMs: limits.requestMs,
            signal: copying.signal,
            log,
          },
        );
        const bounds = { bytesPerSecond: copy.bandwidth, total: maxTransfer };
        throttle = new Throttle(bounds);
        const tools = {
          server,
          fetcher: new Fetcher(sessions.connections, throttle),
          root: named.get(server)!.root,
          destination,
          space: new Space(destination.into),
          durability,
          observer: observe(context),
          sets: setsOf(context, server),
        };
        const exceptions = {
          without: new Set(without),
          only: only && new Set(only),
        };
        const copied = await work.copy(server, (own) => {
          copier = new Copier({ ...tools, ...own }, copy, exceptions);
          return copier.run();
        });
        const wireBytes = await sessions.leave();
        context.figures.add("wire_bytes", wireBytes);
        return { ...copied, wireBytes };
      },
      stop() {
        work.stop();
        copier?.stop();
        throttle?.stop();
        return null;
      },
      abandon({ reason }) {
        work.stop();
        copier?.stop(new UnreachableError(reason));
        throttle?.stop();
        copying?.abort();
        return null;
      },
      async tidy({ server }) {
        const removed = await work.tidy(server);
        if (removed > 0) {
          log.info(
            `removed ${removed} partial files that are no longer wanted`,
          );
        }
        return null;
      },
      async amend() {
        const { files, failed } = await amendRights(
          destination,
          (after, limit) => list().ask("here", { after, limit }),
        );
        if (files > 0) log.info(`changed the owner or mode of ${files} files`);
        for (const { error } of failed) log.warning(error);
        return failed;
      },
      async republish({ server, ...told }) {
        copying = new AbortController();
        await using origin = new Origin(
          connection(),
          named.get(server)!,
          {
            requestMs: limits.requestMs,
            signal: copying.signal,
            throttle: new Throttle({
              bytesPerSecond: copy.bandwidth,
              total: undefined,
            }),
            onReceived: (bytes) => context.figures.add("received_bytes", bytes),
          },
        );
        await republishing.show(origin, knownHere(list(), server), told);
        const wireBytes = await origin.leave();
        context.figures.add("wire_bytes", wireBytes);
        return { wireBytes };
      },
      remove: ({ server }) => work.remove(server),
    },
  };
}

/** Copies alone, or as one of several nodes; only they load what that takes. */
async function workOf(
  { settings, peer, log, figures }: CopyListContext,
  given: Pick<Tools, "destination" | "durability"> & { readonly moves: Moves },
): Promise<Work> {
  const { leaseMs, replica, servers } = settings;
  const tools = {
    ...given,
    log,
    removal: replica,
    onRemoved: (files: number) => figures.add("files_removed", files),
  };
  if (leaseMs !== undefined) {
    const { Together } = await import("../lib/copy-list/together.ts");
    const list = () =>
      peer<SynchroListOperations & NodeOperations>("synchro-list");
    return new Together({ ...tools, list, leaseMs });
  }
  return new Alone({
    ...tools,
    list: () => peer<SynchroListOperations>("synchro-list"),
    assembledFrom: replica.sets === false
      ? []
      : servers.map(({ name }) => name),
  });
}

if (import.meta.main) runModule("copy-list", copyList);
