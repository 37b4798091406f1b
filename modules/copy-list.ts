/**
 * copy-list: fetches only what is new, and puts it in place only when it is
 * whole and would survive a power cut.
 *
 * @module
 */

import type { ServerConfig } from "../lib/config/config.ts";
import { Copier, type Ledger, type Observer } from "../lib/copy/copier.ts";
import { Destination } from "../lib/copy/destination.ts";
import { removeWithdrawn } from "../lib/copy/remove.ts";
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
  const { settings: { servers, limits, replica } } = context;
  const destination = new Destination(replica.into);
  destination.prepare();
  const durability = new Durability();
  const named = new Map(servers.map((server) => [server.name, server]));
  const sessions = new Map<string, Promise<SftpSession>>();
  let copier: Copier | undefined;

  function open(server: string): Promise<SftpSession> {
    const session = sessions.get(server) ?? connect(named.get(server)!, limits);
    sessions.set(server, session);
    session.catch(() => sessions.delete(server));
    return session;
  }

  return {
    handlers: {
      async connect({ server }) {
        await open(server);
        return null;
      },
      async copy({ server }) {
        await using session = await open(server);
        sessions.delete(server);
        copier = makeCopier(
          context,
          session,
          named.get(server)!,
          destination,
          durability,
        );
        const copied = await copier.run();
        const wireBytes = session.wireBytes.received + session.wireBytes.sent;
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
  session: SftpSession,
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
  const observer = observe(context);
  return new Copier(
    { session, root, destination, durability, ledger, observer },
    context.settings.copy,
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
