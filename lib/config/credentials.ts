/**
 * Private keys that the service manager hands over, or other files that only
 * root can read: the service gets a copy that nobody else sees
 * (`LoadCredential=` in systemd.exec(5)).
 *
 * @module
 */

import { basename } from "@std/path/posix";
import { certificateOf } from "./certificate.ts";
import type { Config } from "./config.ts";

/** Returns the name under which the file at `path` is handed over. */
export function credentialName(path: string): string {
  return path.replace(/^\//, "").replaceAll("/", "-");
}

/** Returns where what was handed over in place of the file at `path` lies, if it was. */
export function handedOver(
  path: string,
  directory = Deno.env.get("CREDENTIALS_DIRECTORY"),
): string | undefined {
  const given = `${directory}/${credentialName(path)}`;
  return directory !== undefined && exists(given) ? given : undefined;
}

/** Puts what was handed over in the place of the files that the configuration names. */
export function withCredentials<Ready extends Config>(
  config: Ready,
  directory?: string,
): Ready {
  const servers = config.servers.map((server) => {
    if (server.identity === null) return server;
    const identity = handedOver(server.identity, directory);
    if (identity === undefined) return server;
    // ssh would look for it beside the key.
    const certificate = certificateOf(server.identity);
    const openssh = server.openssh && { ...server.openssh, certificate };
    return { ...server, identity, namedIdentity: server.identity, openssh };
  });
  return { ...config, servers, cluster: withPassword(config, directory) };
}

function withPassword(
  { cluster }: Config,
  directory: string | undefined,
): Config["cluster"] {
  if (cluster === null || cluster.passwordFile === null) return cluster;
  const { passwordFile } = cluster;
  // A unit of the administrator's own may call it as the file is called.
  const given = handedOver(passwordFile, directory) ??
    handedOver(basename(passwordFile), directory);
  return { ...cluster, passwordFile: given ?? passwordFile };
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
