/**
 * The command by which an administrator makes a host key known.
 *
 * @module
 */

import type { ServerConfig } from "../../config/config.ts";

/** Returns the command that adds the host keys of a server to its known_hosts. */
export function scanCommand(
  { host, port, jump, knownHosts: [file = "known_hosts"] }: ServerConfig,
): string {
  // From here, what is behind a jump host cannot be asked.
  const there = jump === null
    ? ""
    : `ssh -p ${jump.port} ${jump.user}@${jump.host} `;
  return `"${there}ssh-keyscan -p ${port} ${host} >> ${file}"`;
}
