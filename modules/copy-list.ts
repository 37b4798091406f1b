/**
 * copy-list: fetches only what is new, and puts it in place only when it is
 * whole and would survive a power cut.
 *
 * @module
 */

import type { ServerConfig } from "../lib/config/config.ts";
import { Copier, type Ledger, type Observer } from "../lib/copy/copier.ts";
import { Destination } from "../lib/copy/destination.ts";
import { throttled } from "../lib/copy/fetch.ts";
import { removeWithdrawn } from "../lib/copy/remove.ts";
import { Throttle } from "../lib/copy/throttle.ts";
import { Durability } from "../lib/durability.ts";
import { describe } from "../lib/errors.ts";
import type {
  CopyListOperations,
  CopyListSettings,
  CopyProgress,
  SynchroListOperations,
} from "../lib/protocol.ts";
import { connect } from "../lib/ssh/connect.ts";
import type { SftpSession } from "../lib/ssh/session.ts";
import { type Context, serve, type Served } from "../lib/worker.ts";

type CopyListContext = Context<"copy-list", CopyListSettings, CopyProgress>;

/**
 * Returns what copy-list answers.
 *
 * @throws {LocalError} If the destination cannot be used.
 */
export function copyList(context: CopyListContext): Served<CopyListOperations> {
  const { settings: { servers, limits, copy, replica } } = context;
  const destination = new Destination(replica.into);
  destination.prepare();
  const durability = new Durability();
  const named = new Map(servers.map((server) => [server.name, server]));
  const opened = new Map<string, Promise<SftpSession[]>>();
  let copier: Copier | undefined;

  function open(server: string): Promise<SftpSession[]> {
    const sessions = opened.get(server) ??
      Promise.all(
        Array.from(
          { length: copy.connections },
          () => connect(named.get(server)!, limits),
        ),
      );
    opened.set(server, sessions);
    sessions.catch(() => opened.delete(server));
    return sessions;
  }

  return {
    handlers: {
      async connect({ server }) {
        await open(server);
        return null;
      },
      async copy({ server }) {
        await using stack = new AsyncDisposableStack();
        const sessions = await open(server);
        opened.delete(server);
        for (const session of sessions) stack.use(session);
        copier = makeCopier(
          context,
          sessions,
          named.get(server)!,
          destination,
          durability,
        );
        const copied = await copier.run();
        const wireBytes = sessions.reduce(
          (sum, { wireBytes: { received, sent } }) => sum + received + sent,
          0,
        );
        context.figures.add("wire_bytes", wireBytes);
        return { ...copied, wireBytes };
      },
      stop() {
        copier?.stop();
        return null;
      },
      async remove({ server }) {
        const list = context.peer<SynchroListOperations>("synchro-list");
        const withdrawn = await list.ask("withdrawn", { server });
        const outcome = await removeWithdrawn(
          destination,
          durability,
          withdrawn,
          replica.delete,
        );
        await list.ask("removed", { paths: outcome.removed });
        context.figures.add("files_removed", outcome.removed.length);
        return outcome;
      },
    },
  };
}

function makeCopier(
  context: CopyListContext,
  sessions: readonly SftpSession[],
  { name: server, root }: ServerConfig,
  destination: Destination,
  durability: Durability,
): Copier {
  const list = context.peer<SynchroListOperations>("synchro-list");
  const ledger: Ledger = {
    wanted: (after, limit) => list.ask("wanted", { server, after, limit }),
    arrived: (files) => list.ask("arrived", { server, files }),
    failed: (files) => list.ask("failed", { server, files }),
  };
  const { copy } = context.settings;
  const throttle = new Throttle(copy.bandwidth);
  const sources = sessions.map((session) => throttled(session, throttle));
  const observer = observe(context);
  return new Copier(
    { sources, root, destination, durability, ledger, observer },
    copy,
  );
}

/** Counts and logs what happens to each file. */
function observe({ figures, log, tell }: CopyListContext): Observer {
  let files = 0;
  let bytes = 0;
  return {
    fetched({ path, size }) {
      files++;
      bytes += size;
      log.debug(`fetched ${path}`);
    },
    arrived({ size }) {
      figures.together({ files_copied: 1, bytes_copied: size });
    },
    adopted({ path }) {
      figures.add("files_adopted", 1);
      log.debug(`adopted ${path}`);
    },
    retrying({ path }, error) {
      figures.add("retries", 1);
      log.info(`${path} will be tried again: ${describe(error)}`);
    },
    failed({ error }) {
      figures.add("failures", 1);
      log.warning(error);
    },
    committed() {
      figures.add("batches", 1);
      tell({ progress: { files, bytes } });
    },
  };
}

if (import.meta.main) serve("copy-list", copyList);
