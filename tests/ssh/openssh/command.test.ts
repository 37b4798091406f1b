import { assertEquals } from "@std/assert";
import { limits } from "../../../fixtures/ssh/limits.ts";
import { serverConfig } from "../../../fixtures/ssh/server-config.ts";
import { byClient } from "../../../fixtures/transport.ts";
import type { ServerConfig } from "../../../lib/config/config.ts";
import { isByClient } from "../../../lib/ssh/by-client.ts";
import {
  clientCommand,
  trialCommand,
} from "../../../lib/ssh/openssh/command.ts";

const nothingSet = { config: null, port: null, user: null } as const;

const some = limits({ connectMs: 2_500, keepaliveMs: 5_000 });

function commandOf(server: ServerConfig): string[] {
  if (!isByClient(server)) throw new Error("not for ssh");
  return clientCommand(server, some);
}

/** What is the same for all servers. */
const always = [
  ...["-v", "-T", "-a", "-x", "-o", "BatchMode=yes"],
  ...["-o", "StrictHostKeyChecking=yes", "-o", "UpdateHostKeys=no"],
  ...["-o", "ConnectTimeout=3", "-o", "ServerAliveInterval=5"],
  ...["-o", "ServerAliveCountMax=3", "-o", "ClearAllForwardings=yes"],
  ...["-o", "PermitLocalCommand=no"],
];

Deno.test("clientCommand() leaves to ssh_config what is not configured", () => {
  assertEquals(commandOf(byClient(serverConfig(), nothingSet)), [
    ...["/usr/bin/ssh", ...always, "-s", "--", "prod.example", "sftp"],
  ]);
});

Deno.test("clientCommand() tells ssh all that is configured, each as one argument", () => {
  const server = byClient(
    serverConfig({
      identity: "/etc/re lais/key",
      knownHosts: ["/etc/re lais/a", "/b"],
      algorithms: "legacy",
    }),
    {
      client: ["/opt/ssh", "-4"],
      config: "/etc/relais/ssh config",
      port: 2222,
      user: "relais",
      certificate: "/etc/re lais/key-cert.pub",
    },
  );

  assertEquals(commandOf(server), [
    ...["/opt/ssh", "-4", "-F", "/etc/relais/ssh config", "-p", "2222"],
    ...["-l", "relais", "-i", "/etc/re lais/key"],
    ...["-o", 'CertificateFile="/etc/re lais/key-cert.pub"', ...always],
    ...["-o", "IdentitiesOnly=yes"],
    ...["-o", 'UserKnownHostsFile="/etc/re lais/a" /b'],
    ...["-o", "GlobalKnownHostsFile=/dev/null"],
    "-o",
    "KexAlgorithms=+diffie-hellman-group14-sha1,diffie-hellman-group-exchange-sha1",
    ...["-o", "HostKeyAlgorithms=+ssh-rsa"],
    ...["-o", "PubkeyAcceptedKeyTypes=+ssh-rsa"],
    ...["-o", "Ciphers=+aes128-cbc,aes256-cbc", "-o", "MACs=+hmac-sha1"],
    ...["-s", "--", "prod.example", "sftp"],
  ]);
});

Deno.test("clientCommand() lets an agent show other keys than the configured one", () => {
  const server = serverConfig({ identity: "/key", agent: true });

  assertEquals(
    commandOf(byClient(server, nothingSet)).includes("IdentitiesOnly=yes"),
    false,
  );
});

Deno.test("trialCommand() is what a person can type, and be asked by", () => {
  const server = byClient(
    serverConfig({
      identity: "/etc/relais/the key",
      knownHosts: ["/etc/relais/known_hosts"],
    }),
    { config: "/etc/relais/ssh_config", port: null },
  );
  if (!isByClient(server)) throw new Error("not for ssh");

  assertEquals(
    trialCommand(server),
    "/usr/bin/ssh -F /etc/relais/ssh_config -l relais -i '/etc/relais/the key' " +
      "-o StrictHostKeyChecking=ask -o IdentitiesOnly=yes " +
      "-o UserKnownHostsFile=/etc/relais/known_hosts -o GlobalKnownHostsFile=/dev/null " +
      "-v -s prod.example sftp",
  );
});
