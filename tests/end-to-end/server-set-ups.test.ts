/**
 * How servers are set up in the world, and what `relais check` says of each, as
 * an administrator reads it: docs/servers.md has the same table.
 */

import { assertEquals } from "@std/assert";
import { type Agent, startAgent } from "../../fixtures/ssh/agent.ts";
import { makeCa, trustHosts } from "../../fixtures/ssh/certificates.ts";
import { connectionTo } from "../../fixtures/connection.ts";
import { knowOtherKey } from "../../fixtures/ssh/known-key.ts";
import { limits } from "../../fixtures/ssh/limits.ts";
import { relais } from "../../fixtures/relais.ts";
import {
  makeKey,
  type Sshd,
  sshdAvailable,
  type SshdOptions,
  startSshd,
} from "../../fixtures/sshd.ts";
import { transport } from "../../fixtures/transport.ts";
import { describe } from "../../lib/errors.ts";
import { probe } from "../../lib/test-server/probe.ts";
import type { ServerConfig } from "../../lib/config/config.ts";

/** A server, how relais is told of it, and what relais says. */
interface SetUp {
  readonly sshd?: SshdOptions;
  /** Changes what is not a matter of sshd_config; returns keys that differ in `[[server]]`. */
  readonly prepare?: (
    sshd: Sshd,
  ) => Promise<Partial<ServerConfig> | void>;
  /** Whether a connection that does not log in is there first. */
  readonly holdsOne?: boolean;
  /** Whether sshd can do so only as root. */
  readonly needsRoot?: boolean;
  readonly exit: number;
  /** What is wrong, or that nothing is; without what differs from run to run. */
  readonly told: string;
}

const text = (path: string) => Deno.readTextFile(path);

/** Makes the key of the account again, of another type. */
async function loginWith(sshd: Sshd, type: string): Promise<void> {
  const { directory } = sshd;
  await makeKey(`${directory}/identity`, type);
  await Deno.copyFile(
    `${directory}/identity.pub`,
    `${directory}/authorized_keys`,
  );
}

const oldServer = `
KexAlgorithms diffie-hellman-group14-sha1
Ciphers aes128-cbc
MACs hmac-sha1
HostKeyAlgorithms ssh-rsa
PubkeyAcceptedAlgorithms ssh-rsa
`;

const addKey =
  "add DIR/identity.pub to the authorized_keys of USER there; if it is there, read the log of its sshd";

const setUps: Readonly<Record<string, SetUp>> = {
  "password only": {
    sshd: { config: "PubkeyAuthentication no\nPasswordAuthentication yes" },
    exit: 6,
    told:
      'Cannot log in to production (127.0.0.1:PORT) as USER: the server does not let USER log in by key, it offers only password; relais logs in by key, never by password; set "PubkeyAuthentication yes" for USER in the sshd_config there, and reload sshd; or set transport = "openssh" for production, and hold a connection open that a person has logged in (ControlMaster)',
  },
  "a key that is not enough": {
    sshd: {
      config:
        "AuthenticationMethods publickey,password\nPasswordAuthentication yes",
    },
    exit: 6,
    told:
      'Cannot log in to production (127.0.0.1:PORT) as USER: the key was accepted, but the server wants password as well; set "AuthenticationMethods publickey" for USER in the sshd_config there; or set transport = "openssh" for production, and hold a connection open that a person has logged in (ControlMaster)',
  },
  "certificate only": {
    async prepare({ directory }) {
      await makeKey(`${directory}/ca`, "ed25519");
      await new Deno.Command("ssh-keygen", {
        args: [
          ...["-q", "-s", `${directory}/ca`, "-I", "test", "-n", "root"],
          `${directory}/identity.pub`,
        ],
      }).output();
      await Deno.writeTextFile(
        `${directory}/authorized_keys`,
        `cert-authority ${await text(`${directory}/ca.pub`)}`,
      );
    },
    exit: 6,
    told:
      `Cannot log in to production (127.0.0.1:PORT) as USER: the server does not accept the key DIR/identity (FINGERPRINT); relais does not use the certificate DIR/identity-cert.pub: it supports plain keys only; set transport = "openssh" for production, whose ssh uses it, or ${addKey}`,
  },
  "a host key that only a CA vouches for": {
    async prepare(sshd) {
      await makeCa(sshd);
      await trustHosts(sshd, "127.0.0.1");
    },
    exit: 6,
    told:
      'Cannot trust production (127.0.0.1:PORT): known_hosts has only a @cert-authority for it, and host certificates are not supported; set transport = "openssh" for production, whose ssh checks certificates, or host_key = "FINGERPRINT" once you have compared it on the server',
  },
  "old algorithms only": {
    sshd: { config: oldServer, hostKeyType: "rsa" },
    prepare: (sshd) => loginWith(sshd, "rsa"),
    exit: 3,
    told:
      'Cannot use production (127.0.0.1:PORT): it has no algorithm in common with relais for key exchange (it offers diffie-hellman-group14-sha1; relais offers curve25519-sha256, curve25519-sha256@libssh.org, ecdh-sha2-nistp256, ecdh-sha2-nistp384, ecdh-sha2-nistp521, diffie-hellman-group16-sha512, diffie-hellman-group14-sha256, diffie-hellman-group-exchange-sha256), host key (it offers ssh-rsa; relais offers rsa-sha2-512, rsa-sha2-256), cipher (it offers aes128-cbc; relais offers chacha20-poly1305@openssh.com, aes128-gcm@openssh.com, aes256-gcm@openssh.com, aes128-ctr, aes256-ctr), MAC (it offers hmac-sha1; relais offers hmac-sha2-256-etm@openssh.com, hmac-sha2-512-etm@openssh.com, hmac-sha2-256, hmac-sha2-512); update its sshd, or set algorithms = "legacy" for production, which allows SHA-1 and CBC',
  },
  'old algorithms only, with algorithms = "legacy"': {
    sshd: { config: oldServer, hostKeyType: "rsa" },
    async prepare(sshd) {
      await loginWith(sshd, "rsa");
      return { algorithms: "legacy" as const };
    },
    exit: 0,
    told:
      "up with diffie-hellman-group14-sha1, ssh-rsa, aes128-cbc, hmac-sha1, a login signed with SHA-1",
  },
  'algorithms = "legacy" where nothing is old': {
    prepare: () => Promise.resolve({ algorithms: "legacy" as const }),
    exit: 0,
    told: "up",
  },
  "group exchange only": {
    sshd: { config: "KexAlgorithms diffie-hellman-group-exchange-sha256" },
    exit: 0,
    told: "up",
  },
  "nothing in common, old or new": {
    sshd: { config: "Ciphers aes192-ctr" },
    exit: 3,
    told:
      "Cannot use production (127.0.0.1:PORT): it has no algorithm in common with relais for cipher (it offers aes192-ctr; relais offers chacha20-poly1305@openssh.com, aes128-gcm@openssh.com, aes256-gcm@openssh.com, aes128-ctr, aes256-ctr); set Ciphers in its sshd_config to offer one of these",
  },
  "ecdsa keys": {
    sshd: { hostKeyType: "ecdsa" },
    prepare: (sshd) => loginWith(sshd, "ecdsa"),
    exit: 0,
    told: "up",
  },
  "ssh-rsa host key": {
    sshd: { config: "HostKeyAlgorithms ssh-rsa", hostKeyType: "rsa" },
    exit: 3,
    told:
      'Cannot use production (127.0.0.1:PORT): it has no algorithm in common with relais for host key (it offers ssh-rsa; relais offers rsa-sha2-512, rsa-sha2-256); update its sshd, or set algorithms = "legacy" for production, which allows SHA-1 and CBC',
  },
  'ssh-rsa host key, with algorithms = "legacy"': {
    sshd: { config: "HostKeyAlgorithms ssh-rsa", hostKeyType: "rsa" },
    prepare: () => Promise.resolve({ algorithms: "legacy" as const }),
    exit: 0,
    told: "up with ssh-rsa",
  },
  "ssh-rsa user key": {
    sshd: { config: "PubkeyAcceptedAlgorithms ssh-rsa" },
    prepare: (sshd) => loginWith(sshd, "rsa"),
    exit: 6,
    told:
      `Cannot log in to production (127.0.0.1:PORT) as USER: the server does not accept the key DIR/identity (FINGERPRINT) with a SHA-2 signature; ${addKey}; if that sshd accepts only SHA-1 for RSA keys (ssh-rsa), use an ed25519 key, or set algorithms = "legacy" for production`,
  },
  'ssh-rsa user key, with algorithms = "legacy"': {
    sshd: { config: "PubkeyAcceptedAlgorithms ssh-rsa" },
    async prepare(sshd) {
      await loginWith(sshd, "rsa");
      return { algorithms: "legacy" as const };
    },
    exit: 0,
    told: "up with a login signed with SHA-1",
  },
  "RSA user key that signs with SHA-2": {
    prepare: (sshd) => loginWith(sshd, "rsa"),
    exit: 0,
    told: "up",
  },
  "no sftp subsystem": {
    sshd: { config: "Subsystem none /bin/true" },
    exit: 3,
    told:
      'Cannot use production (127.0.0.1:PORT): its sshd has no sftp subsystem; add "Subsystem sftp internal-sftp" to the sshd_config there, and reload sshd',
  },
  "a forced command that prints, as nologin does": {
    sshd: { config: "ForceCommand /usr/sbin/nologin" },
    exit: 3,
    told:
      'Cannot use production (127.0.0.1:PORT): it prints "This account is currently not available." where SFTP should begin; set "ForceCommand internal-sftp" for USER in the sshd_config there, or let the shell and the start-up files of USER print nothing',
  },
  "no session allowed": {
    sshd: { config: "MaxSessions 0" },
    exit: 3,
    told:
      "Cannot use production (127.0.0.1:PORT): it refuses to open a session ((SSH) Channel open failure: open failed); raise MaxSessions in the sshd_config there",
  },
  "a root as it is outside the chroot": {
    sshd: {
      config: "ChrootDirectory /usr/share\nForceCommand internal-sftp",
    },
    prepare: () => Promise.resolve({ root: "/usr/share/doc" }),
    needsRoot: true,
    exit: 3,
    told:
      'Cannot find root = "/usr/share/doc" on production: there is no such directory; set root = "/doc", as the account sees it from inside its ChrootDirectory',
  },
  "a root that is nowhere": {
    async prepare({ directory }) {
      await Deno.mkdir(`${directory}/top/export`, { recursive: true });
      return { root: `${directory}/top/exports` };
    },
    exit: 3,
    told:
      'Cannot find root = "DIR/top/exports" on production: there is no such directory; set root as the account sees it: paths begin at its ChrootDirectory, if it has one; its / contains NAMES',
  },
  "a chroot that is not there": {
    sshd: {
      config: "ChrootDirectory /nowhere\nForceCommand internal-sftp",
    },
    needsRoot: true,
    exit: 3,
    told:
      "Cannot use production (127.0.0.1:PORT): its SFTP server ends at once (Received exit code 255 while establishing SFTP session); read the log of its sshd; check that ChrootDirectory and all directories above belong to root, and ForceCommand for USER",
  },
  "as many logins under way as MaxStartups allows": {
    sshd: { config: "MaxStartups 1:100:1" },
    holdsOne: true,
    exit: 3,
    told:
      'Cannot reach production (127.0.0.1:PORT): it dropped the connection: MaxStartups allows no more logins at the same time; run "ss -tn" there to find the clients, or raise MaxStartups in its sshd_config',
  },
  "wrong key": {
    prepare: ({ directory }) => makeKey(`${directory}/identity`, "ed25519"),
    exit: 6,
    told:
      `Cannot log in to production (127.0.0.1:PORT) as USER: the server does not accept the key DIR/identity (FINGERPRINT); ${addKey}`,
  },
  "public key as identity": {
    prepare: ({ directory }) =>
      Promise.resolve({ identity: `${directory}/identity.pub` }),
    exit: 2,
    told:
      'Cannot use the key DIR/identity.pub of production: it is a public key, and relais needs the private key; set identity = "DIR/identity"',
  },
  "unknown host key": {
    prepare: ({ knownHosts }) => Deno.writeTextFile(knownHosts, ""),
    exit: 6,
    told:
      'Cannot trust production (127.0.0.1:PORT): its host key FINGERPRINT is not in known_hosts; check it with ssh-keygen -l on the server, then run "ssh-keyscan -p PORT 127.0.0.1 >> DIR/known_hosts"',
  },
  "wrong host key": {
    prepare: (sshd) => knowOtherKey(sshd),
    exit: 6,
    told:
      `Cannot trust production (127.0.0.1:PORT): its host key is not the one in known_hosts: expected FINGERPRINT, got FINGERPRINT; if the server really has a new key, check it there with ssh-keygen -l, then run "ssh-keygen -R '[127.0.0.1]:PORT' -f DIR/known_hosts" and add the key again with "ssh-keyscan -p PORT 127.0.0.1 >> DIR/known_hosts"`,
  },
  "host key of another type": {
    prepare: (sshd) => knowOtherKey(sshd, "ecdsa"),
    exit: 6,
    told:
      'Cannot trust production (127.0.0.1:PORT): it has no host key of a type in known_hosts (ecdsa-sha2-nistp256); it offers ssh-ed25519; check the keys on the server with ssh-keygen -l, then run "ssh-keyscan -p PORT 127.0.0.1 >> DIR/known_hosts"',
  },
};

for (const [name, setUp] of Object.entries(setUps)) {
  Deno.test({
    name: `a probe tells of a server: ${name}`,
    // The ssh client has words of its own.
    ignore: !sshdAvailable || transport !== "ssh2" ||
      (setUp.needsRoot === true && Deno.uid() !== 0),
    async fn() {
      await using sshd = await startSshd(setUp.sshd);
      const server = {
        ...sshd.serverConfig("production", sshd.directory),
        ...await setUp.prepare?.(sshd),
      };
      using _held = setUp.holdsOne ? await hold(sshd) : null;

      await using connection = connectionTo([server], settings.limits);

      const { failure, terms } = await probe(
        connection.channel,
        server,
        settings,
        nothing,
      );

      const weak = terms?.weak ?? [];
      const up = weak.length === 0 ? "up" : `up with ${weak.join(", ")}`;
      assertEquals({
        told: alike(failure === null ? up : describe(failure), sshd),
        exit: failure?.exitStatus ?? 0,
      }, { told: setUp.told, exit: setUp.exit });
    },
  });
}

const settings = {
  probe: {
    timeoutMs: 20_000,
    rise: 1,
    fall: 1,
    holdMs: 0,
    maxAgeMs: 0,
    failback: "auto",
    keep: true,
  },
  limits: limits(),
  replica: { source: "auto", state: "" },
} as const;

const nothing = {
  cursor: undefined,
  settled: undefined,
  heartbeat: undefined,
  fingerprint: "",
};

/** What an agent holds that is of no use, and what `relais check` says. */
const agents: Readonly<
  Record<
    string,
    {
      readonly make: (agent: Agent, sshd: Sshd) => Promise<void>;
      readonly told: string;
    }
  >
> = {
  "without keys": {
    make: () => Promise.resolve(),
    told:
      "the ssh-agent at SOCKET holds no key; add one with ssh-add, or set identity to a key file",
  },
  "with other keys": {
    async make(agent, { directory }) {
      await makeKey(`${directory}/other`, "ed25519");
      await agent.add(`${directory}/other`);
    },
    told:
      "the server does not accept the key that the ssh-agent holds; compare ssh-add -l with the authorized_keys of USER there, and read the log of its sshd",
  },
  "that has ended": {
    make: (agent) => agent.kill(),
    told:
      "the ssh-agent at SOCKET does not answer (Failed to connect to agent); start ssh-agent, and add the key with ssh-add; for a service, set identity to a key file without passphrase",
  },
};

for (const [name, { make, told }] of Object.entries(agents)) {
  Deno.test({
    name: `relais check tells of an ssh-agent ${name}`,
    ignore: !sshdAvailable,
    async fn() {
      await using sshd = await startSshd();
      await using agent = await startAgent();
      await make(agent, sshd);
      const config = await configure(sshd, "agent = true");

      const { code, stdout } = await relais(
        ["check", "--config", config],
        { env: { SSH_AUTH_SOCK: agent.socket } },
      );

      assertEquals({ told: aboutServer(stdout, sshd, agent), code }, {
        told: [
          `FAILED  server production: Cannot log in to production (127.0.0.1:PORT) as USER: ${told}`,
        ],
        code: 6,
      });
    },
  });
}

Deno.test({
  name: "relais check reaches a server of old algorithms, and warns of them",
  ignore: !sshdAvailable,
  async fn() {
    await using sshd = await startSshd({
      config: oldServer,
      hostKeyType: "rsa",
    });
    await loginWith(sshd, "rsa");
    const config = await configure(sshd, 'algorithms = "legacy"');

    const { code, stdout } = await relais(["check", "--config", config]);

    assertEquals({ told: aboutServer(stdout, sshd), code }, {
      told: [
        "ok  server production: up in N ms, no list: its tree is walked",
        "ok  way to production: ssh2, to 127.0.0.1:PORT, host key ssh-rsa FINGERPRINT, cipher aes128-cbc",
        'warning  server production: weak algorithms in use: diffie-hellman-group14-sha1, ssh-rsa, aes128-cbc, hmac-sha1, a login signed with SHA-1; update its sshd, then remove algorithms = "legacy"',
      ],
      code: 0,
    });
  },
});

Deno.test({
  name: "relais check tells that algorithms = legacy is not needed",
  ignore: !sshdAvailable,
  async fn() {
    await using sshd = await startSshd();
    const config = await configure(sshd, 'algorithms = "legacy"');

    const { stdout } = await relais(["check", "--config", config]);

    assertEquals(
      aboutServer(stdout, sshd)[2],
      'warning  server production: remove algorithms = "legacy": this server supports modern algorithms',
    );
  },
});

/** The lines about the server. */
function aboutServer(stdout: string, sshd: Sshd, agent?: Agent): string[] {
  return stdout.split("\n").filter((line) => line.includes("production"))
    .map((line) => alike(line, sshd, agent?.socket));
}

/** Opens a connection that says nothing further. */
async function hold({ port }: Sshd): Promise<Disposable> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.read(new Uint8Array(64));
  return { [Symbol.dispose]: () => connection.close() };
}

/** Writes a configuration with one server, which has `keys` as well. */
async function configure(sshd: Sshd, keys: string): Promise<string> {
  const { directory } = sshd;
  const { host, port, user, identity } = sshd.serverConfig("production", "/");
  await Deno.mkdir(`${directory}/export`);
  const path = `${directory}/relais.toml`;
  await Deno.writeTextFile(
    path,
    `[[server]]
name = "production"
host = "${host}"
port = ${port}
user = "${user}"
${keys.startsWith("agent") ? "" : `identity = "${identity}"`}
known_hosts = "${sshd.knownHosts}"
root = "${directory}/export"
${keys}
[replica]
into = "${directory}/copy"
state = "${directory}/state"
[log]
file = ""
[probe]
timeout = "20s"
`,
  );
  return path;
}

/** Takes out what differs from run to run. */
function alike(text: string, sshd: Sshd, socket = "no agent"): string {
  const { port, directory } = sshd;
  const { user } = sshd.serverConfig("production", "/");
  return text
    .replaceAll(directory, "DIR")
    .replaceAll(socket, "SOCKET")
    .replaceAll(String(port), "PORT")
    // The user who runs the tests may be called root.
    .replaceAll(new RegExp(`\\b${user}\\b(?! =| as the|,)`, "g"), "USER")
    .replaceAll(/SHA256:[A-Za-z0-9+/]{43}/g, "FINGERPRINT")
    .replace(/ in \d+ ms/, " in N ms")
    .replace(/(its \/ contains ).*/, "$1NAMES");
}
