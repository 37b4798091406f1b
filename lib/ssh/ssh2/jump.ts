/**
 * The way through a jump host: a login there, and a connection on from there.
 *
 * @module
 */

import type { ServerConfig } from "../../config/config.ts";
import {
  type RelaisError,
  UnreachableError,
  UnusableError,
} from "../../errors.ts";
import { widenWindow } from "./channel.ts";
import { who } from "../circumstances.ts";
import { readTrust } from "./host-key.ts";
import { Login, type Means, NotStrictError } from "./login.ts";
import { peerText } from "../peer-text.ts";
import { Tunnel } from "./tunnel.ts";

/** SSH_OPEN_ADMINISTRATIVELY_PROHIBITED, RFC 4254 section 5.1. */
const prohibited = 1;

/** Returns how the jump host of `server` is reached; `null` if there is none. */
function jumpHostOf(server: ServerConfig): ServerConfig | null {
  const { name, jump } = server;
  if (jump === null) return null;
  return {
    ...server,
    ...jump,
    name: `the jump host of ${name}`,
    // Those that are pinned are of the server itself.
    hostKeys: [],
    jump: null,
  };
}

/**
 * Logs in to the jump host, and connects to the server from there; `undefined` if
 * there is none. Each of the two steps has the time limits that it would have
 * without the other.
 *
 * @throws {RelaisError} As `connect()` does, about the jump host.
 */
export async function jumpOver(means: Means): Promise<Tunnel | undefined> {
  const host = jumpHostOf(means.server);
  if (host === null) return undefined;
  const { signal } = means.options;
  const there: Means = {
    ...means,
    server: host,
    trust: readTrust(host),
    options: signal === undefined ? {} : { signal },
  };
  const attempt = (strict: boolean) =>
    new Login<Tunnel>(there, {
      strict,
      begin: (login) => goOn(login, means),
    }).run();
  try {
    return await attempt(true);
  } catch (error) {
    if (!(error instanceof NotStrictError)) throw error;
    return await attempt(false);
  }
}

/** Connects from the jump host to the server. */
function goOn(login: Login<Tunnel>, { server, limits }: Means): void {
  const { client, socket } = login;
  login.limit(
    limits.connectMs,
    new UnreachableError(
      `Cannot reach ${who({ server })} from its jump host ${
        atJump(server)
      }: no answer within ${limits.connectMs / 1_000} s`,
      { hint: tryFromJump(server) },
    ),
  );
  client.forwardOut(
    "127.0.0.1",
    0,
    server.host,
    server.port,
    (error, channel) => {
      if (error) return login.fail(notForwarded(error, server));
      widenWindow(channel);
      login.succeed(
        new Tunnel(channel, {
          socket,
          weak: login.weak,
          end: () => client.end(),
        }),
      );
    },
  );
}

function notForwarded(
  error: Error & { reason?: unknown },
  server: ServerConfig,
): RelaisError {
  const { host, port, jump } = server;
  const at = atJump(server);
  if (error.reason === prohibited) {
    return new UnusableError(
      `Cannot reach ${
        who({ server })
      }: its jump host ${at} forbids to go on from there`,
      {
        cause: error,
        hint:
          `set "AllowTcpForwarding local" and "PermitOpen ${host}:${port}" for ${
            jump!.user
          } in the sshd_config of ${jump!.host}`,
      },
    );
  }
  return new UnreachableError(
    `Cannot reach ${who({ server })} from its jump host ${at} (${
      peerText(error)
    })`,
    { cause: error, hint: tryFromJump(server) },
  );
}

/** The address of the jump host of a server that has one. */
function atJump({ jump }: ServerConfig): string {
  return `${jump!.host}:${jump!.port}`;
}

function tryFromJump({ host, port, jump }: ServerConfig): string {
  return `check the network on ${
    jump!.host
  }, as root there: ssh-keyscan -p ${port} ${host}`;
}
