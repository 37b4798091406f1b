/** Bastions as ssh_config knows them: ssh goes through them, and relais reads what it says of each. */

import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { openByClient } from "../../../fixtures/ssh/client-stage.ts";
import { knowOtherKey } from "../../../fixtures/ssh/known-key.ts";
import { serverConfig } from "../../../fixtures/ssh/server-config.ts";
import { bastionTest, type Way } from "../../../fixtures/ssh/sshd-test.ts";
import {
  freePort,
  type Sshd,
  type SshdOptions,
} from "../../../fixtures/sshd.ts";
import { byClient } from "../../../fixtures/transport.ts";
import type { LimitsConfig, ServerConfig } from "../../../lib/config/config.ts";
import { RelaisError } from "../../../lib/errors.ts";

/** A test with a server that ssh_config leads to through a bastion. */
function jumpTest(
  name: string,
  run: (way: Way) => Promise<void>,
  options: SshdOptions = {},
): void {
  bastionTest(name, { lead: serverBehind, ...options }, run);
}

async function serverBehind(bastion: Sshd, sshd: Sshd): Promise<ServerConfig> {
  const config = `${sshd.directory}/ssh_config`;
  await Deno.writeTextFile(
    config,
    hostOf("behind", sshd, sshd.port) + "ProxyJump bastion\n" +
      hostOf("bastion", bastion, bastion.port) +
      hostOf("nowhere", sshd, freePort()) + "ProxyJump bastion\n",
  );
  return byClient(serverConfig({ host: "behind" }), {
    config,
    port: null,
    user: null,
  });
}

/** A host of ssh_config; of all that it says of keys, relais.toml knows nothing. */
function hostOf(name: string, sshd: Sshd, port: number): string {
  const { user, identity } = sshd.serverConfig(name, "/");
  return `Host ${name}
HostName 127.0.0.1
Port ${port}
User ${user}
IdentityFile ${identity}
UserKnownHostsFile ${sshd.knownHosts}
`;
}

/** How opening a session fails. */
async function failureOf(
  server: ServerConfig,
  some: Partial<LimitsConfig> = {},
): Promise<{ exit: number; told: string }> {
  const { exitStatus, message } = await assertRejects(
    () => openByClient(server, some),
    RelaisError,
  );
  return { exit: exitStatus, told: message };
}

jumpTest(
  "ssh goes through a bastion, with all that ssh_config says of both",
  async ({ server }) => {
    await using stage = await openByClient(server);

    assertEquals((await stage.session.stat("/")).kind, "directory");
    assertEquals(stage.session.maxRead, 255 * 1024);
  },
);

for (
  const [what, spoil] of [
    ["another one", knowOtherKey],
    [
      "not known",
      ({ knownHosts }: Sshd) => Deno.writeTextFile(knownHosts, ""),
    ],
  ] as const
) {
  jumpTest(
    `a bastion whose key is ${what} is told with exit 6, and shown no key of ours`,
    async ({ bastion, sshd, server }) => {
      await spoil(bastion);

      const { exit, told } = await failureOf(server);

      assertEquals(exit, 6);
      assertMatch(
        told,
        /^Cannot trust production \(behind\): .*Host key verif/,
      );
      assertEquals(/publickey/.test(bastion.log), false);
      assertEquals(/Connection from/.test(sshd.log), false);
    },
  );

  jumpTest(
    `a server behind a bastion whose key is ${what} is told with exit 6, and shown no key of ours`,
    async ({ sshd, server }) => {
      await spoil(sshd);

      const { exit, told } = await failureOf(server);

      assertEquals(exit, 6);
      assertMatch(
        told,
        /^Cannot trust production \(behind\): .*Host key verif/,
      );
      assertEquals(/publickey/.test(sshd.log), false);
    },
  );
}

jumpTest(
  "a bastion that does not let us in is told with exit 6",
  async ({ bastion, server }) => {
    await Deno.writeTextFile(`${bastion.directory}/authorized_keys`, "");

    const { exit, told } = await failureOf(server);

    assertEquals(exit, 6);
    assertMatch(told, /Permission denied \(publickey\)/);
  },
);

jumpTest(
  "a bastion that forbids to go on is told with exit 3",
  async ({ server }) => {
    const { exit, told } = await failureOf(server);

    assertEquals(exit, 3);
    assertMatch(
      told,
      /^Cannot reach .*administratively prohibited.*stdio forw/,
    );
  },
  { config: "AllowTcpForwarding no" },
);

jumpTest(
  "a server that its bastion does not reach is told with exit 3",
  async ({ server }) => {
    const { exit, told } = await failureOf({ ...server, host: "nowhere" });

    assertEquals(exit, 3);
    assertMatch(told, /^Cannot reach production \(nowhere\): .*refused/);
  },
);

jumpTest(
  "a bastion, and a server behind one, that is frozen is given up in time",
  async ({ sshd, bastion, server }) => {
    sshd.freeze();
    const behind = await failureOf(server, { handshakeMs: 2_000 });
    bastion.freeze();
    const before = await failureOf(server, { handshakeMs: 300 });

    assertEquals([behind.exit, before.exit], [3, 3]);
    assertMatch(behind.told, /no SSH banner within 2 s/);
    assertMatch(before.told, /no SSH banner within 0\.3 s/);
  },
);
