/**
 * connection: the sessions with servers. Only here is a network, and only here
 * are keys; what comes from a server is decrypted and taken apart where nothing
 * can be written.
 *
 * @module
 */

import { toFailure } from "../lib/errors.ts";
import type {
  ConnectionOperations,
  ConnectionSettings,
  ListedName,
} from "../lib/connection/operations.ts";
import { Sessions } from "../lib/connection/sessions.ts";
import { isByClient } from "../lib/ssh/by-client.ts";
import { connect } from "../lib/ssh/ssh2/connect.ts";
import {
  connectByClient,
  type OpenClient,
} from "../lib/ssh/openssh/connect.ts";
import { readIdentity } from "../lib/ssh/ssh2/identity.ts";
import { readFile } from "../lib/ssh/read-file.ts";
import type { DirectoryEntry } from "../lib/ssh/session.ts";
import { SftpError } from "../lib/ssh/sftp-error.ts";
import type { TransportOperations } from "../lib/transport/operations.ts";
import { type Context, runModule, type Running } from "../lib/worker/life.ts";

type ConnectionContext = Context<"connection", ConnectionSettings, never>;

/** Returns what connection answers. */
export function connection(
  { settings: { servers, limits }, figures, peer }: ConnectionContext,
): Running<ConnectionOperations> {
  const openClient: OpenClient = (server) =>
    peer<TransportOperations>("transport").ask("open", { server });
  const sessions = new Sessions(servers, async (server, options) => {
    const session = await (isByClient(server)
      ? connectByClient(server, limits, openClient, options)
      : connect(server, limits, options));
    figures.add("opened", 1);
    return session;
  });
  const listings = new Map<number, AsyncGenerator<DirectoryEntry[]>>();
  let listed = 0;
  return {
    handlers: {
      take: ({ server, use, sharing }) => sessions.take(server, use, sharing),
      leave: ({ use }) => sessions.leave(use),
      async abandon({ use }) {
        await sessions.abandon(use);
        return null;
      },
      async hangUp() {
        await sessions.hangUp();
        return null;
      },
      fetch: ({ use, files }) =>
        sessions.run(use, (session) => {
          // What goes wrong with one is no matter of the others.
          const each = files.map((file) =>
            readFile(session, file).catch(toFailure)
          );
          return Promise.all(each);
        }),
      stat: ({ use, path }) =>
        sessions.run(use, (session) => session.stat(path)),
      lstat: ({ use, path }) =>
        sessions.run(use, (session) => session.lstat(path)),
      realPath: ({ use, path }) =>
        sessions.run(use, (session) => session.realPath(path)),
      open: ({ use, path }) =>
        sessions.run(use, (session) => session.open(path)),
      fstat: ({ use, handle }) =>
        sessions.run(use, (session) => session.fstat(handle)),
      read: ({ use, handle, position, length, memory }) =>
        sessions.run(
          use,
          (session) => session.read(handle, position, length, memory),
        ),
      close: ({ use, handle }) =>
        sessions.run(use, async (session) => {
          await session.close(handle);
          return null;
        }),
      list: ({ use, path }) =>
        sessions.run(use, (session) => {
          listings.set(++listed, session.list(path));
          return Promise.resolve(listed);
        }),
      names: ({ use, listing }) =>
        sessions.run(use, async () => {
          const { value } = await listings.get(listing)!.next();
          return value?.map(toListedName) ?? null;
        }),
      async unlist({ listing }) {
        await listings.get(listing)!.return(undefined);
        listings.delete(listing);
        return null;
      },
    },
    // Nobody waits for the servers' farewell.
    end: () => void sessions.end(),
  };
}

function toListedName({ name, stat }: DirectoryEntry): ListedName {
  return { name, stat: stat instanceof SftpError ? toFailure(stat) : stat };
}

if (import.meta.main) {
  runModule("connection", (context: ConnectionContext) => {
    // A key that cannot be used is told before any server hears of us.
    for (const server of context.settings.servers) {
      if (!isByClient(server)) readIdentity(server);
    }
    return connection(context);
  });
}
