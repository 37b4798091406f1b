/**
 * From a server's configuration to an SFTP session over ssh2.
 *
 * @module
 */

import type { Channel } from "ssh2";
import type { LimitsConfig, ServerConfig } from "../../config/config.ts";
import { SftpClient } from "../../sftp/client.ts";
import { releaseOwn } from "../../worker/release.ts";
import { widenWindow } from "./channel.ts";
import type { ConnectOptions } from "../connect-options.ts";
import { readTrust } from "./host-key.ts";
import { readIdentity } from "./identity.ts";
import { jumpOver } from "./jump.ts";
import { Login, type Means, NotStrictError } from "./login.ts";
import { connectionLost, SftpSession } from "../session.ts";
import type { Terms } from "../terms.ts";
import { Tunnel } from "./tunnel.ts";

/** What a packet of SSH has around its data, at most: RFC 4253 section 6, RFC 4254 section 5.2. */
const aroundData = 512;

/**
 * Connects to `server`, through its jump host if it has one, and opens SFTP.
 * Needs the permissions that `sessionPermissions()` tells.
 *
 * @throws {ConfigError} If its key or known_hosts cannot be used.
 * @throws {UnreachableError} If it does not answer, or not in time.
 * @throws {UnusableError} If it answers, but not as an SFTP server.
 * @throws {HostKeyError} If its host key is not the known one; nothing more was said to it.
 * @throws {AuthenticationError} If it does not let us in. Each key was shown once.
 */
export async function connect(
  server: ServerConfig,
  limits: LimitsConfig,
  options: ConnectOptions = {},
): Promise<SftpSession> {
  const means = {
    server,
    limits,
    options,
    identity: readIdentity(server),
    trust: readTrust(server),
  };
  try {
    return await attempt(means, { strict: true });
  } catch (error) {
    if (!(error instanceof NotStrictError)) throw error;
    return await attempt(means, { strict: false });
  }
}

async function attempt(
  means: Means,
  { strict }: { strict: boolean },
): Promise<SftpSession> {
  const tunnel = await jumpOver(means);
  const login = new Login<SftpSession>(means, {
    strict,
    tunnel,
    begin: (login) => startSftp(login, means),
  });
  try {
    return await login.run();
  } catch (error) {
    tunnel?.destroy();
    throw error;
  }
}

function startSftp(
  login: Login<SftpSession>,
  { server, limits, options }: Means,
): void {
  const { client, socket, printed } = login;
  client.subsys("sftp", (error, channel) => {
    if (error) return login.fail(error);
    let session: SftpSession | undefined;
    const sftp = new SftpClient({
      send: (requests) => channel.write(requests),
      broken: (error) => login.fail(error),
    });
    listenTo(channel, login, server);
    channel.on("data", (bytes: Uint8Array) => {
      if (session === undefined) printed.keep(bytes);
      sftp.receive(bytes);
    });
    widenWindow(channel);
    // All of it has been copied to where it goes.
    channel.on("data", (bytes: Uint8Array) => releaseOwn(bytes, aroundData));
    sftp.start((told) => {
      session = new SftpSession(server.name, {
        sftp,
        limits: told,
        socket,
        endClient: () => client.end(),
        requestMs: limits.requestMs,
        terms: termsOf(login, server),
      });
      options.onDepth?.("sftp");
      login.succeed(session);
    });
  });
}

function termsOf(
  { hostKey, cipher, weak, socket }: Login<SftpSession>,
  { host, port, jump }: ServerConfig,
): Terms {
  const before = socket instanceof Tunnel ? [socket.hop] : [];
  return {
    transport: "ssh2",
    way: [...jump === null ? [] : [jump], { host, port }]
      .map(({ host, port }) => `${host}:${port}`),
    hostKey,
    cipher,
    weak: [...new Set([...before.flatMap((hop) => hop.weak), ...weak])],
  };
}

function listenTo(
  channel: Channel,
  login: Login<SftpSession>,
  { name }: ServerConfig,
): void {
  channel.stderr.on("data", (bytes: Uint8Array) => login.printed.keep(bytes));
  channel.on("error", (error: Error) => login.fail(error));
  channel.on("end", () => login.result?.break(connectionLost(name)));
  channel.on(
    "close",
    (code?: number | null, signal?: string) => login.fail(ended(code, signal)),
  );
}

/** What is said of an SFTP server that is gone before it began. */
function ended(code?: number | null, signal?: string): Error {
  if (typeof code === "number") {
    return new Error(
      `Received exit code ${code} while establishing SFTP session`,
    );
  }
  return new Error(
    signal === undefined
      ? "Received unexpected SFTP session termination"
      : `Received signal ${signal} while establishing SFTP session`,
  );
}
