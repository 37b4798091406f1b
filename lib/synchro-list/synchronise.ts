/**
 * Bringing the synchronised list up to date with one server.
 *
 * @module
 */

import type { ServerConfig } from "../config/config.ts";
import type { ConnectionOperations } from "../connection/operations.ts";
import { RemoteSession } from "../connection/remote-session.ts";
import { findList } from "../list/find.ts";
import { kindOf } from "../list/not-files.ts";
import type { SessionRequests } from "../ssh/session-requests.ts";
import { ForeignFormat } from "../text/foreign-format.ts";
import type { Context } from "../worker/life.ts";
import type { Logger } from "../worker/logger.ts";
import type { ForeignReading } from "./foreign-lines.ts";
import { synchroniseList } from "./list.ts";
import type { SynchroListSettings, Synchronised } from "./operations.ts";
import type { Outcome } from "./outcome.ts";
import type { ListStore } from "./store.ts";

/** What synchro-list has in its hands, or the module that is asked in its place. */
export type SynchroListContext = Omit<
  Context<"synchro-list", SynchroListSettings, never>,
  "tell"
>;

/** How a server is read. */
export interface Means {
  readonly list: ListStore;
  /** Takes in the tree of a server that has no list. */
  walk(session: RemoteSession): Promise<Outcome>;
  /** Ends the reading. */
  readonly signal: AbortSignal;
}

/** Reads what `server` has published since it was read last, and logs what it names wrongly. */
export async function synchronise(
  context: SynchroListContext,
  server: ServerConfig,
  { list, walk, signal }: Means,
): Promise<Synchronised> {
  const { settings: { limits, acceptShrink, replica: { source } } } = context;
  const { log, figures } = context;
  const connection = context.peer<ConnectionOperations>("connection");
  await using session = await RemoteSession.open(connection, server.name, {
    signal,
    requestMs: limits.requestMs,
    onReceived: (bytes) => figures.add("received_bytes", bytes),
  });
  const cursor = await list.intake.cursor(server.name);
  const remote = await findList(session, server, { source, cursor });
  for (const what of remote?.untold ?? []) {
    log.warning(`${server.name} does not report the ${what} of its list`);
  }
  const outcome = remote === undefined
    ? await walk(session)
    : await synchroniseList(list, server.name, remote, {
      acceptShrink,
      ...foreignReading(session, server),
    });
  list.sets.endReading(server.name);
  const wireBytes = await session.leave();
  for (const refusal of outcome.refused) log.warning(refusal);
  tellAppeared(outcome, log);
  if (outcome.gaps > 0) {
    log.warning(
      `the list of ${server.name} lost lines; it was read again from its start`,
    );
  }
  figures.together({
    passes: 1,
    list_bytes: outcome.bytes,
    lines_read: outcome.seen,
    lines_refused: outcome.refusedCount,
    wire_bytes: wireBytes,
  });
  return {
    source: remote === undefined ? "tree" : "list",
    generation: remote?.provenance.generation ?? null,
    seen: outcome.seen,
    new: outcome.new,
    skipped: outcome.skipped,
    refused: outcome.refused,
    refusedCount: outcome.refusedCount,
    notFiles: outcome.notFiles,
    wireBytes,
    cursor: outcome.cursor,
  };
}

/** So many of those that have appeared are logged. */
const appearedTold = 20;

/** Logs what is no file, once. */
function tellAppeared(
  { appeared }: Pick<Outcome, "appeared">,
  log: Pick<Logger, "info">,
): void {
  for (const { path, kind } of appeared.slice(0, appearedTold)) {
    log.info(`skipped the ${kindOf(kind)} ${path}`);
  }
  const more = appeared.length - appearedTold;
  if (more > 0) {
    log.info(`skipped ${more} more: "relais list --skipped" names them`);
  }
}

/** How to read a list that relais did not write; nothing for one that it did. */
function foreignReading(
  session: SessionRequests,
  { root, list }: ServerConfig,
): { readonly foreign?: ForeignReading } {
  if (list === null) return {};
  const format = ForeignFormat.parse(list.format);
  // The configuration was refused else.
  if ("reason" in format) throw new Error(format.reason);
  return { foreign: { format: format.value, session, root } };
}
