/**
 * How the ssh client of the system is started for a server: ssh(1),
 * ssh_config(5).
 *
 * @module
 */

import type { LimitsConfig, ServerConfig } from "../../config/config.ts";
import { shellWord } from "../../text/shell-word.ts";
import { legacy } from "../algorithms.ts";
import type { ClientServer } from "../by-client.ts";
import { keepalives } from "../connect-options.ts";

/** Returns the command line. Nothing in it is for a shell, and nothing after `--` can be an option. */
export function clientCommand(
  server: ClientServer,
  { connectMs, keepaliveMs }: LimitsConfig,
): string[] {
  return [
    ...beginning(server),
    // How far it got, and why not further, is told at this level.
    ...["-v", "-T", "-a", "-x"],
    ...options({
      BatchMode: "yes",
      StrictHostKeyChecking: "yes",
      UpdateHostKeys: "no",
      ConnectTimeout: seconds(connectMs),
      ServerAliveInterval: seconds(keepaliveMs),
      ServerAliveCountMax: String(keepalives),
      ClearAllForwardings: "yes",
      PermitLocalCommand: "no",
      ...ofServer(server),
    }),
    ...["-s", "--", server.host, "sftp"],
  ];
}

/** Returns a command line by which ssh tells what holds for a host, and connects to nobody. */
export function settingsCommand(
  { openssh: { client, config } }: ClientServer,
  host: string,
): string[] {
  return [
    ...client,
    ...config === null ? [] : ["-F", config],
    "-G",
    "--",
    host,
  ];
}

/** Returns a command for a shell that shows a person what ssh does, and asks what relais lets it not ask. */
export function trialCommand(server: ClientServer): string {
  const { identity, namedIdentity = identity } = server;
  return [
    ...beginning({ ...server, identity: namedIdentity }),
    ...options({
      // Even where ssh_config has "yes" for the server.
      StrictHostKeyChecking: "ask",
      ...ofServer(server),
    }),
    ...["-v", "-s", server.host, "sftp"],
  ].map(shellWord).join(" ");
}

/** What tells which server, and who logs in. */
function beginning(
  { identity, openssh }: ClientServer,
): string[] {
  const { client, config, port, user, certificate } = openssh;
  return [
    ...client,
    ...config === null ? [] : ["-F", config],
    ...port === null ? [] : ["-p", String(port)],
    ...user === null ? [] : ["-l", user],
    ...identity === null ? [] : ["-i", identity],
    ...certificate === null
      ? []
      : options({ CertificateFile: quoted(certificate) }),
  ];
}

/** What the keys of the configuration mean to ssh; what is not there, ssh_config decides. */
function ofServer(
  { identity, agent, knownHosts, algorithms }: ServerConfig,
): Record<string, string> {
  return {
    ...identity === null || agent ? {} : { IdentitiesOnly: "yes" },
    ...knownHosts.length === 0 ? {} : {
      UserKnownHostsFile: knownHosts.map(quoted).join(" "),
      GlobalKnownHostsFile: "/dev/null",
    },
    ...algorithms === "legacy" ? old : {},
  };
}

/** The same as `algorithms = "legacy"` offers without ssh. */
const old = {
  KexAlgorithms: `+${legacy.kex}`,
  HostKeyAlgorithms: `+${legacy.serverHostKey}`,
  // Since OpenSSH 8.5 it has another name, and is known by this one, too.
  PubkeyAcceptedKeyTypes: `+${legacy.serverHostKey}`,
  Ciphers: `+${legacy.cipher}`,
  MACs: `+${legacy.hmac}`,
};

function options(values: Readonly<Record<string, string>>): string[] {
  return Object.entries(values).flatMap((
    [name, value],
  ) => ["-o", `${name}=${value}`]);
}

/** Writes a path for ssh. There is no quote in it; the configuration has been checked for that. */
function quoted(path: string): string {
  return /\s/.test(path) ? `"${path}"` : path;
}

/** ssh counts whole seconds. */
function seconds(ms: number): string {
  return String(Math.ceil(ms / 1_000));
}

/** Returns all of the environment that the ssh client gets. */
export function clientEnvironment(): Record<string, string> {
  const passed = {
    HOME: Deno.env.get("HOME"),
    LOGNAME: Deno.env.get("LOGNAME"),
    USER: Deno.env.get("USER"),
    PATH: Deno.env.get("PATH"),
    SSH_AUTH_SOCK: Deno.env.get("SSH_AUTH_SOCK"),
    KRB5_CONFIG: Deno.env.get("KRB5_CONFIG"),
    KRB5CCNAME: Deno.env.get("KRB5CCNAME"),
    KRB5_CLIENT_KTNAME: Deno.env.get("KRB5_CLIENT_KTNAME"),
    // Where a ControlPath can be.
    XDG_RUNTIME_DIR: Deno.env.get("XDG_RUNTIME_DIR"),
  };
  const set = Object.entries(passed)
    .filter((entry): entry is [string, string] => entry[1] !== undefined);
  return {
    ...Object.fromEntries(set),
    // ssh starts what ProxyJump and ProxyCommand name by it, and that of a service is nologin.
    SHELL: "/bin/sh",
    // Nobody is there to be asked in a window either.
    SSH_ASKPASS_REQUIRE: "never",
  };
}
