/**
 * Private keys that the service manager hands over: only root can read the
 * file, and the service a copy of it that nobody else sees (`LoadCredential=`
 * in systemd.exec(5)).
 *
 * @module
 */

import type { Config } from "../config/config.ts";

/** Returns the name under which the file at `path` is handed over. */
export function credentialName(path: string): string {
  return path.replace(/^\//, "").replaceAll("/", "-");
}

/** Puts what was handed over in the place of the files that the configuration names. */
export function withCredentials<Ready extends Config>(
  config: Ready,
  directory = Deno.env.get("CREDENTIALS_DIRECTORY"),
): Ready {
  if (directory === undefined) return config;
  const servers = config.servers.map((server) => {
    if (server.identity === null) return server;
    const path = `${directory}/${credentialName(server.identity)}`;
    return exists(path) ? { ...server, identity: path } : server;
  });
  return { ...config, servers };
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
