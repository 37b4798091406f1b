/**
 * What is known of an attempt to connect when it fails, whichever transport made it.
 *
 * @module
 */

import type { ServerConfig } from "../config/config.ts";
import type { Depth } from "./depth.ts";

/** An attempt to connect that has failed. */
export interface Circumstances {
  readonly server: ServerConfig;
  /** How far it got. */
  readonly depth: Depth;
  /** What the server printed where SFTP should begin. */
  readonly output: string;
}

/** Names the server with its address, as far as that is not for ssh_config to say. */
export function who(
  { server: { name, host, port, openssh } }: Pick<Circumstances, "server">,
): string {
  return openssh !== null && openssh.port === null
    ? `${name} (${host})`
    : `${name} (${host}:${port})`;
}
