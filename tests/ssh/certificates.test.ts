/** Certificates, by a CA that each test makes: the ssh of the system checks them, and shows ours. */

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { openByClient } from "../../fixtures/ssh/client-stage.ts";
import {
  makeKey,
  type Sshd,
  sshdAvailable,
  startSshd,
} from "../../fixtures/sshd.ts";
import { byClient } from "../../fixtures/transport.ts";
import { RelaisError } from "../../lib/errors.ts";
import type { ServerConfig } from "../../lib/config/config.ts";

/** When a certificate is valid, as ssh-keygen takes it. */
const now = "-1h:+1h";
const longAgo = "20200101:20200102";

/** Signs a public key with the CA of this server. */
async function sign(
  { directory }: Sshd,
  key: string,
  { validity = now, principal, host = false }: {
    readonly validity?: string;
    readonly principal: string;
    readonly host?: boolean;
  },
): Promise<void> {
  const { success, stderr } = await new Deno.Command("ssh-keygen", {
    args: [
      ...["-q", "-s", `${directory}/ca`, "-I", "test", "-n", principal],
      ...["-V", validity, ...host ? ["-h"] : [], `${directory}/${key}.pub`],
    ],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

/** A test with a CA and a server; `prepare` says what the two have to do with each other. */
function certificateTest(
  name: string,
  prepare: (sshd: Sshd, server: ServerConfig) => Promise<void>,
  run: (sshd: Sshd, server: ServerConfig) => Promise<void>,
): void {
  Deno.test({
    name,
    ignore: !sshdAvailable,
    async fn() {
      await using sshd = await startSshd();
      await makeKey(`${sshd.directory}/ca`, "ed25519");
      const server = byClient(sshd.serverConfig("production", "/"));
      await prepare(sshd, server);
      await run(sshd, server);
    },
  });
}

const ca = ({ directory }: Sshd) => Deno.readTextFile(`${directory}/ca.pub`);

/** Lets the server trust users whom the CA vouches for, and nobody else. */
async function trustUsers(sshd: Sshd): Promise<void> {
  await Deno.writeTextFile(
    `${sshd.directory}/authorized_keys`,
    `cert-authority ${await ca(sshd)}`,
  );
}

/** Lets the server show a certificate of its host key, and the client know nothing but the CA. */
async function trustHosts(
  sshd: Sshd,
  principal: string,
  validity?: string,
): Promise<void> {
  const { directory, knownHosts, port } = sshd;
  await sign(sshd, "host_key", {
    principal,
    host: true,
    ...validity === undefined ? {} : { validity },
  });
  await sshd.stop();
  const config = await Deno.readTextFile(`${directory}/sshd_config`);
  await Deno.writeTextFile(
    `${directory}/sshd_config`,
    `HostCertificate ${directory}/host_key-cert.pub\n${config}`,
  );
  await Deno.writeTextFile(
    knownHosts,
    `@cert-authority [127.0.0.1]:${port} ${await ca(sshd)}`,
  );
  await sshd.start();
}

async function assertOpens(server: ServerConfig): Promise<void> {
  await using stage = await openByClient(server);
  assertEquals((await stage.session.stat("/")).kind, "directory");
}

/** How opening a session fails, and what the administrator is told to do. */
async function failureOf(server: ServerConfig) {
  const error = await assertRejects(() => openByClient(server), RelaisError);
  return { exit: error.exitStatus, told: error.message, hint: error.hint! };
}

certificateTest(
  "a user certificate beside the key lets relais in",
  async (sshd, { user }) => {
    await trustUsers(sshd);
    await sign(sshd, "identity", { principal: user });
  },
  async (sshd, server) => {
    await assertOpens(server);

    assertStringIncludes(sshd.log, "ID test");
  },
);

certificateTest(
  "a user certificate is found where the key is handed over, and it is not",
  async (sshd, { user }) => {
    await trustUsers(sshd);
    await sign(sshd, "identity", { principal: user });
  },
  async ({ directory }, server) => {
    const identity = `${directory}/handed-over`;
    await Deno.copyFile(`${directory}/identity`, identity);
    const certificate = `${directory}/identity-cert.pub`;

    await assertOpens({
      ...server,
      identity,
      openssh: { ...server.openssh!, certificate },
    });
  },
);

for (
  const [what, how] of [
    ["that has expired", { validity: longAgo }],
    ["of somebody else", { principal: "somebody" }],
  ] as const
) {
  certificateTest(
    `a user certificate ${what} is refused with exit 6`,
    async (sshd, { user }) => {
      await trustUsers(sshd);
      await sign(sshd, "identity", { principal: user, ...how });
    },
    async ({ directory }, server) => {
      const { exit, told, hint } = await failureOf(server);

      assertEquals(exit, 6);
      assertStringIncludes(told, "Permission denied (publickey)");
      assertStringIncludes(
        hint,
        `"ssh-keygen -Lf ${directory}/identity-cert.pub"`,
      );
    },
  );
}

certificateTest(
  "a host certificate of a known CA is trusted",
  (sshd) => trustHosts(sshd, "127.0.0.1"),
  async (_, server) => {
    await assertOpens(server);
  },
);

for (
  const [what, told, principal, validity] of [
    ["that has expired", "Certificate invalid: expired", "127.0.0.1", longAgo],
    [
      "of another host",
      "Certificate invalid: name is not a listed principal",
      "other.example",
      now,
    ],
  ] as const
) {
  certificateTest(
    `a host certificate ${what} is refused with exit 6, and shown no key of ours`,
    (sshd) => trustHosts(sshd, principal, validity),
    async (sshd, server) => {
      const failure = await failureOf(server);

      assertEquals(failure.exit, 6);
      assertStringIncludes(failure.told, told);
      assertEquals(sshd.log.includes("publickey"), false);
    },
  );
}

certificateTest(
  "a host certificate of another CA is refused with exit 6",
  async (sshd) => {
    await trustHosts(sshd, "127.0.0.1");
    await makeKey(`${sshd.directory}/ca`, "ed25519");
    await Deno.writeTextFile(
      sshd.knownHosts,
      `@cert-authority [127.0.0.1]:${sshd.port} ${await ca(sshd)}`,
    );
  },
  async (sshd, server) => {
    assertEquals((await failureOf(server)).exit, 6);
    assertEquals(sshd.log.includes("publickey"), false);
  },
);
