/**
 * transport: starts the ssh client of a server, and passes its bytes on. It may
 * run that program and do nothing else; it looks at no byte.
 *
 * @module
 */

import { UnusableError } from "../lib/errors.ts";
import { Client } from "../lib/transport/client.ts";
import type {
  GroupEvent,
  TransportOperations,
  TransportSettings,
} from "../lib/transport/operations.ts";
import { type Context, runModule, type Running } from "../lib/worker/life.ts";

type TransportContext = Context<"transport", TransportSettings, GroupEvent>;

/** Returns what transport answers. */
export function transport(
  { settings: { commands, environment }, figures, tell }: Pick<
    TransportContext,
    "settings" | "figures" | "tell"
  >,
): Running<TransportOperations> {
  const clients = new Set<Client>();
  return {
    handlers: {
      open({ server }) {
        const command = commands[server]!;
        const { port1, port2 } = new MessageChannel();
        let client: Client;
        try {
          client = new Client({ command, environment, port: port1, tell });
        } catch (cause) {
          port1.close();
          throw notStarted(server, command[0]!, cause as Error);
        }
        figures.add("clients", 1);
        clients.add(client);
        client.ended.finally(() => clients.delete(client));
        return port2;
      },
    },
    async end() {
      for (const client of clients) client.end();
      await Promise.all([...clients].map(({ ended }) => ended));
    },
  };
}

function notStarted(
  server: string,
  program: string,
  cause: Error,
): UnusableError {
  const why = cause instanceof Deno.errors.NotFound
    ? "it is not there"
    : cause.message;
  return new UnusableError(
    `Cannot use ${server}: ${program} cannot be run: ${why}`,
    { cause, hint: "install openssh-client, or set ssh to its path" },
  );
}

if (import.meta.main) runModule("transport", transport);
