/**
 * Which servers the ssh client of the system reaches.
 *
 * @module
 */

import type { ServerConfig } from "../config/config.ts";

/** A server that is reached by the ssh client. */
export type ClientServer = ServerConfig & {
  readonly openssh: NonNullable<ServerConfig["openssh"]>;
};

/** Tells whether a server is one of them: `transport = "openssh"`. */
export function isByClient(server: ServerConfig): server is ClientServer {
  return server.openssh !== null;
}
