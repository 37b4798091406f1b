/**
 * The files that relais reads: the configuration, keys, known hosts. Each is
 * examined for itself, whatever is wrong with the one before.
 *
 * @module
 */

import type { Config, ServerConfig } from "../config/config.ts";
import { describe, exitStatus } from "../errors.ts";
import { readTrust } from "../ssh/ssh2/host-key.ts";
import { isHandedOver, keyOf, readIdentity } from "../ssh/ssh2/identity.ts";
import { mark } from "../account/concerns-account.ts";
import { isByClient } from "../ssh/by-client.ts";
import { bad, type Finding, good } from "./finding.ts";
import { examineProgram } from "./program.ts";

/** Looks whether the account that runs relais can read the configuration itself. */
export function examineConfig(path: string): Finding {
  try {
    Deno.openSync(path).close();
    return good("configuration", path);
  } catch {
    // What was read is what systemd has lent for this examination.
    const account = Deno.env.get(mark);
    return bad(
      "configuration",
      `${account} may not read ${path}; run "chgrp ${account} ${path} && chmod g+r ${path}"`,
      exitStatus.usage,
    );
  }
}

/** Examines keys and known hosts, of which some may be handed over by systemd, and what ssh needs where it is used. */
export function examineServerFiles({ servers }: Config): Finding[] {
  return [
    ...eachOnce(
      servers,
      ({ openssh }) => openssh?.client[0] ?? [],
      (program) => examineProgram("ssh", program),
    ),
    ...eachOnce(
      servers,
      ({ openssh }) => openssh?.config ?? [],
      (path) =>
        examine("ssh_config", () => {
          Deno.openSync(path).close();
          return path;
        }),
    ),
    ...eachOnce(servers, ({ identity }) => identity ?? [], examineKey),
    ...eachOnce(servers, ({ knownHosts }) => knownHosts, examineKnownHosts),
  ];
}

function examineKey(path: string, server: ServerConfig): Finding {
  return examine("key", () => {
    // What ssh can read, such as a FIDO key, is more than relais can.
    if (isByClient(server)) Deno.openSync(path).close();
    else readIdentity({ ...server, agent: false });
    return isHandedOver(path)
      ? `${keyOf(server)}, handed over by systemd`
      : path;
  });
}

function examineKnownHosts(path: string, server: ServerConfig): Finding {
  return examine("known_hosts", () => {
    readTrust({ ...server, knownHosts: [path] });
    return path;
  });
}

function examine(what: string, look: () => string): Finding {
  try {
    return good(what, look());
  } catch (error) {
    return bad(what, describe(error), exitStatus.usage);
  }
}

/** Looks once at what several servers share. */
function eachOnce(
  servers: readonly ServerConfig[],
  pathsOf: (server: ServerConfig) => string | readonly string[],
  look: (path: string, server: ServerConfig) => Finding,
): Finding[] {
  const found = new Map<string, Finding>();
  for (const server of servers) {
    for (const path of [pathsOf(server)].flat()) {
      if (!found.has(path)) found.set(path, look(path, server));
    }
  }
  return [...found.values()];
}
