/**
 * What is known of an attempt to connect when it fails.
 *
 * @module
 */

import type { ServerConfig } from "../config/config.ts";
import type { Depth } from "./depth.ts";
import type { Offer, Offering } from "./algorithms.ts";
import type { Identity } from "./identity.ts";
import type { Refusal } from "./overheard.ts";

export interface Circumstances {
  readonly server: ServerConfig;
  /** How far it got. */
  readonly depth: Depth;
  /** The first bytes that the server sent, as text. */
  readonly opening: string;
  /** What our offer of algorithms depended on. */
  readonly offering: Offering;
  /** The algorithms that the server offers; `undefined` if it has not told. */
  readonly theirs: Offer | undefined;
  readonly identity: Identity;
  /** Keys that the ssh-agent holds; `undefined` if it was not asked. */
  readonly agentKeys: number | undefined;
  /** What the server said of our keys. */
  readonly refusal: Refusal | undefined;
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
