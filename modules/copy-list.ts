/**
 * copy-list: fetches only what is new, and puts it in place only when it is
 * whole and would survive a power cut.
 *
 * @module
 */

import { amendRights } from "../lib/copy-list/amend.ts";
import { Copier } from "../lib/copy-list/copier.ts";
import { Alone } from "../lib/copy-list/alone.ts";
import type { Observer, SetTools, Tools } from "../lib/copy-list/tools.ts";
import type { Work } from "../lib/copy-list/work.ts";
import type { NodeOperations } from "../lib/cluster/operations.ts";
import { descriptorsOf } from "../lib/files/descriptors.ts";
import { Destination } from "../lib/files/destination.ts";
import { Fetcher } from "../lib/copy-list/fetch.ts";
import { Moves } from "../lib/files/moves.ts";
import { Rights } from "../lib/files/rights.ts";
import { Origin } from "../lib/copy-list/origin.ts";
import { Sessions } from "../lib/copy-list/sessions.ts";
import { Space } from "../lib/files/space.ts";
import { Throttle } from "../lib/files/throttle.ts";
import { dayOf } from "../lib/text/timestamp.ts";
import { Durability } from "../lib/files/durability.ts";
import { requireNoPublisher } from "../lib/files/keeper.ts";
import { type KnownHere, Republishing } from "../lib/republish/republish.ts";
import { describe, UnreachableError } from "../lib/errors.ts";
import type {
  CopyListOperations,
  CopyListSettings,
  FileFetched,
} from "../lib/copy-list/operations.ts";
import type { SynchroListOperations } from "../lib/synchro-list/operations.ts";
import type { ConnectionOperations } from "../lib/connection/operations.ts";
import { type Context, runModule, type Running } from "../lib/worker/life.ts";

type CopyListContext = Context<
  "copy-list",
  CopyListSettings,
  FileFetched
>;

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
  let copier: Copier | undefined;

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
          context.peer<ConnectionOperations>("connection"),
          server,
          {
            count: copy.connections,
            requestMs: limits.requestMs,
            signal: copying.signal,
            log,
          },
        );
        const bounds = { bytesPerSecond: copy.bandwidth, total: maxTransfer };
        const tools = {
          server,
          fetcher: new Fetcher(sessions.connections, new Throttle(bounds)),
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
        return null;
      },
      abandon({ reason }) {
        work.stop();
        copier?.stop(new UnreachableError(reason));
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
        const list = context.peer<SynchroListOperations>("synchro-list");
        const { files, failed } = await amendRights(
          destination,
          (after, limit) => list.ask("here", { after, limit }),
        );
        if (files > 0) log.info(`changed the owner or mode of ${files} files`);
        for (const { error } of failed) log.warning(error);
        return failed;
      },
      async republish({ server, ...told }) {
        copying = new AbortController();
        await using origin = new Origin(
          context.peer<ConnectionOperations>("connection"),
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
        await republishing.show(origin, knownOf(context, server), told);
        const wireBytes = await origin.leave();
        context.figures.add("wire_bytes", wireBytes);
        return { wireBytes };
      },
      async remove({ server }) {
        return await work.remove(server);
      },
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
    ...{ log, removal: replica },
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

/** The synchronised list, as the sets of a server stand in it; `undefined` if they do not matter. */
function setsOf(
  { settings: { replica }, peer, log, figures }: CopyListContext,
  server: string,
): SetTools | undefined {
  if (replica.sets === false) return undefined;
  const list = peer<SynchroListOperations>("synchro-list");
  return {
    isOrdered: replica.sets === "ordered",
    trash: replica.delete === "trash" ? dayOf(Date.now()) : undefined,
    pending: () => list.ask("sets", { server }),
    leaving: (unit) => list.ask("leaving", { server, unit }),
    hold: (unit, obstacle) => list.ask("hold", { server, unit, obstacle }),
    async shown(shown) {
      await list.ask("shown", { server, ...shown });
      figures.add("files_removed", shown.gone.length);
    },
    onShown: (name, seconds) =>
      log.info(`the set ${name} is here; shown in ${seconds.toFixed(3)} s`),
  };
}

/** What of here is shown to other replicas, as the synchronised list knows it. */
function knownOf({ peer }: CopyListContext, server: string): KnownHere {
  const list = peer<SynchroListOperations>("synchro-list");
  return {
    reached: () => list.ask("reached", { server }),
    differs: () => list.ask("differs", { server }),
    files: (after, limit) => list.ask("exported", { after, limit }),
    digests: (after, limit) => list.ask("digests", { after, limit }),
  };
}

/** Counts and logs what happens to each file. */
function observe(
  { figures, log, tell, settings: { tellsFiles } }: CopyListContext,
): Observer {
  let inPlace = { files_copied: 0, bytes_copied: 0 };
  return {
    received(bytes) {
      figures.add("received_bytes", bytes);
    },
    fetched({ path }) {
      figures.add("files_fetched", 1);
      log.debug(`fetched ${path}`);
      if (tellsFiles) tell({ fetched: path });
    },
    arrived({ size }) {
      inPlace.files_copied++;
      inPlace.bytes_copied += size;
    },
    adopted({ path, size }) {
      figures.add("files_adopted", 1);
      figures.add("bytes_adopted", size);
      log.debug(`adopted ${path}`);
    },
    retrying({ path }, error) {
      figures.add("retries", 1);
      log.info(`retrying ${path}: ${describe(error)}`);
    },
    readHere: (bytes) => figures.add("bytes_read_here", bytes),
    reused({ path, size }, bytes) {
      figures.add("bytes_reused", bytes);
      log.debug(`reused ${bytes} of the ${size} bytes of ${path}`);
    },
    notReused({ path }, error) {
      log.warning(`fetching ${path} whole: ${describe(error)}`);
    },
    failed({ error }) {
      figures.add("failures", 1);
      log.warning(error);
    },
    committed() {
      figures.together({ batches: 1, ...inPlace });
      inPlace = { files_copied: 0, bytes_copied: 0 };
    },
  };
}

if (import.meta.main) runModule("copy-list", copyList);
