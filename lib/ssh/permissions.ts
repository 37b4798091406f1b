/**
 * The permissions a module needs to talk to servers.
 *
 * @module
 */

import type { ServerConfig } from "../config/config.ts";
import { certificateOf } from "../config/certificate.ts";
import { isByClient } from "./by-client.ts";

/** Returns what sessions with `servers` need: their addresses, and the files that identify both ends; nothing for those that the ssh client reaches. */
export function sessionPermissions(
  all: readonly ServerConfig[],
): Deno.PermissionOptionsObject {
  const servers = all.filter((server) => !isByClient(server));
  const files = servers.flatMap(({ identity, knownHosts }) =>
    identity === null
      ? knownHosts
      : [identity, certificateOf(identity), ...knownHosts]
  );
  const agent = servers.some((server) => server.agent)
    ? [Deno.env.get("SSH_AUTH_SOCK") ?? ""].filter((path) => path !== "")
    : [];
  return {
    net: [
      ...servers.map((server) => server.jump ?? server)
        .map(({ host, port }) => `${bracketed(host)}:${port}`),
      ...agent.map((socket) => `unix:${socket}`),
    ],
    read: [...files, ...agent],
    write: agent,
    // Asked for even where it is not set: that is told in words, a refusal of Deno is not.
    env: servers.some((server) => server.agent) ? ["SSH_AUTH_SOCK"] : false,
  };
}

/** An IPv6 address needs brackets before a port. */
function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
