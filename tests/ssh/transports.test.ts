/** What each transport can: every row of the table in docs/reaching.md, tried against real servers. */

import { assert, assertEquals } from "@std/assert";
import {
  makeCa,
  sign,
  trustHosts,
  trustUsers,
} from "../../fixtures/ssh/certificates.ts";
import { limits } from "../../fixtures/ssh/limits.ts";
import {
  type Sshd,
  sshdAvailable,
  type SshdOptions,
  startSshd,
} from "../../fixtures/sshd.ts";
import { byClient, connectOver } from "../../fixtures/transport.ts";
import type { ServerConfig } from "../../lib/config/config.ts";
import { RelaisError } from "../../lib/errors.ts";

const page = new URL("../../docs/reaching.md", import.meta.url);

/** What a server, or the way to it, can have. */
interface Feature {
  /** As the table calls it. */
  readonly what: string;
  readonly sshd?: SshdOptions;
  /** Makes it so; returns what relais.toml says of it. */
  readonly prepare?: (sshd: Sshd) => Promise<Partial<ServerConfig> | void>;
  /** What ssh_config says of it; ssh2 cannot be told. */
  readonly config?: (sshd: Sshd) => string;
  /** What relais.toml tells ssh2 in the place of that. */
  readonly jump?: (bastion: Sshd) => Partial<ServerConfig>;
}

const features: readonly Feature[] = [
  { what: "a key in a file" },
  {
    what: "one bastion",
    config: () => "ProxyJump bastion1",
    jump: (bastion) => ({
      jump: { host: "127.0.0.1", port: bastion.port, user: userOf(bastion) },
    }),
  },
  {
    what: "several bastions",
    config: () => "ProxyJump bastion1,bastion2",
  },
  {
    what: "a certificate of the user",
    async prepare(sshd) {
      await makeCa(sshd);
      await trustUsers(sshd);
      await sign(sshd, "identity", { principal: userOf(sshd) });
    },
  },
  {
    what: "a certificate of the host",
    async prepare(sshd) {
      await makeCa(sshd);
      await trustHosts(sshd, "127.0.0.1");
    },
  },
  {
    what: "one connection for several programs (ControlMaster)",
    async prepare(sshd) {
      await holdConnection(sshd);
      // Nothing but that connection leads there now.
      await Deno.writeTextFile(`${sshd.directory}/authorized_keys`, "");
    },
    config: controlPath,
  },
  {
    what: "an old UNIX: SHA-1, CBC and ssh-rsa alone",
    sshd: {
      hostKeyType: "rsa",
      config: "KexAlgorithms diffie-hellman-group14-sha1\n" +
        "HostKeyAlgorithms ssh-rsa\nCiphers aes128-cbc\nMACs hmac-sha1",
    },
    prepare: () => Promise.resolve({ algorithms: "legacy" }),
  },
  {
    what: "key exchange that resists quantum computers",
    sshd: { config: "KexAlgorithms sntrup761x25519-sha512@openssh.com" },
  },
];

function userOf(sshd: Sshd): string {
  return sshd.serverConfig("", "/").user;
}

function controlPath({ directory }: Sshd): string {
  return `ControlPath ${directory}/control`;
}

/** Has a program hold a connection until the server ends it. */
async function holdConnection(sshd: Sshd): Promise<void> {
  const config = `${sshd.directory}/of-holder`;
  await Deno.writeTextFile(config, hostOf("server", sshd, controlPath(sshd)));
  const { success } = await new Deno.Command("ssh", {
    args: ["-F", config, "-f", "-N", "-M", "server"],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).output();
  assert(success);
}

/** A host of ssh_config. */
function hostOf(name: string, sshd: Sshd, more = ""): string {
  return `Host ${name}
HostName 127.0.0.1
Port ${sshd.port}
User ${userOf(sshd)}
IdentityFile ${sshd.directory}/identity
UserKnownHostsFile ${sshd.knownHosts}
${more}
`;
}

/** Whether a session comes about, and answers. */
async function reaches(server: ServerConfig): Promise<boolean> {
  try {
    await using session = await connectOver(server, limits({}));
    return (await session.stat("/")).kind === "directory";
  } catch (error) {
    if (error instanceof RelaisError) return false;
    throw error;
  }
}

/** Which of the two can. */
async function measure(
  { prepare, config, jump, ...feature }: Feature,
  [one, two]: readonly [Sshd, Sshd],
): Promise<[ssh2: boolean, openssh: boolean]> {
  await using sshd = await startSshd(feature.sshd);
  const plain = sshd.serverConfig("production", "/");
  const server = { ...plain, ...await prepare?.(sshd) };
  const file = `${sshd.directory}/ssh_config`;
  await Deno.writeTextFile(
    file,
    hostOf("server", sshd, config?.(sshd)) +
      hostOf("bastion1", one) + hostOf("bastion2", two),
  );
  const named = { ...server, host: "server", identity: null, knownHosts: [] };
  const told = { ...server, knownHosts: [sshd.knownHosts, one.knownHosts] };
  return [
    (config === undefined || jump !== undefined) &&
    await reaches({ ...told, ...jump?.(one) }),
    await reaches(byClient(named, { config: file, port: null, user: null })),
  ];
}

/** The rows of the table, as far as a test can try them. */
async function tableOf(): Promise<[string, boolean, boolean][]> {
  const text = await Deno.readTextFile(page);
  return [...text.matchAll(/^\| (.+?) +\| (yes|no)\b.*?\| (yes|no)\b.*\|$/gm)]
    .map((
      [, what, ssh2, openssh],
    ) => [what!, ssh2 === "yes", openssh === "yes"]);
}

Deno.test({
  name: "each transport can what docs/reaching.md says, and no more",
  ignore: !sshdAvailable,
  async fn() {
    await using one = await startSshd();
    await using two = await startSshd();
    const rows: [string, boolean, boolean][] = [];
    for (const feature of features) {
      rows.push([feature.what, ...await measure(feature, [one, two])]);
    }

    assertEquals(rows, await tableOf());
  },
});
