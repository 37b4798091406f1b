/** Certificates, by a CA that each test makes: the ssh of the system checks them, and shows ours. */

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { openByClient } from "../../fixtures/ssh/client-stage.ts";
import {
  longAgo,
  makeCa,
  now,
  sign,
  trustCa,
  trustHosts,
  trustUsers,
} from "../../fixtures/ssh/certificates.ts";
import { type Sshd, sshdAvailable, startSshd } from "../../fixtures/sshd.ts";
import { byClient } from "../../fixtures/transport.ts";
import { RelaisError } from "../../lib/errors.ts";
import type { ServerConfig } from "../../lib/config/config.ts";

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
      await makeCa(sshd);
      const server = byClient(sshd.serverConfig("production", "/"));
      await prepare(sshd, server);
      await run(sshd, server);
    },
  });
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
    await makeCa(sshd);
    await trustCa(sshd);
  },
  async (sshd, server) => {
    assertEquals((await failureOf(server)).exit, 6);
    assertEquals(sshd.log.includes("publickey"), false);
  },
);
