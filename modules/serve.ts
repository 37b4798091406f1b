/**
 * serve: shows the replica to browsers and monitors, in a worker that may read
 * the state and the log, listen at one address, and nothing else.
 *
 * @module
 */
/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />

import { type Handlers, reply } from "../lib/worker/channel.ts";
import { LocalError } from "../lib/errors.ts";
import type { ServeOperations } from "../lib/serve/operations.ts";
import { plain } from "../lib/serve/headers.ts";
import { formatAddress } from "../lib/serve/listen.ts";
import { Site } from "../lib/serve/site.ts";

/** Returns what serve answers; `tell` hears of what went wrong with a request. */
export function serve(
  tell: (problem: string) => void,
): Handlers<ServeOperations> {
  const ending = new AbortController();
  let server: Deno.HttpServer<Deno.NetAddr> | undefined;
  return {
    listen({ address, site }) {
      const shown = new Site(site, ending.signal);
      try {
        server = Deno.serve({
          ...address,
          automaticCompression: true,
          handler: (request) => shown.handle(request),
          onError(error) {
            tell(String((error as Error).stack ?? error));
            return plain(500, "internal error; see what relais serve printed");
          },
          onListen: () => {},
        });
      } catch (cause) {
        throw new LocalError(
          `Cannot listen at ${formatAddress(address)}: ${
            (cause as Error).message
          }`,
          { cause, hint: "choose another address with --listen" },
        );
      }
      const { hostname, port } = server.addr;
      return { hostname, port };
    },
    async end() {
      ending.abort();
      await server?.shutdown();
      return null;
    },
  };
}

if (import.meta.main) {
  const handlers = serve((problem) => self.postMessage({ problem }));
  self.onmessage = async ({ data }) => {
    self.postMessage(await reply(handlers, data));
  };
}
