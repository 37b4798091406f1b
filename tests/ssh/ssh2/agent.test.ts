import {
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { serverConfig } from "../../../fixtures/ssh/server-config.ts";
import { startAgent, withAgentAt } from "../../../fixtures/ssh/agent.ts";
import { limits } from "../../../fixtures/ssh/limits.ts";
import {
  smartCardAvailable,
  startAgentWithCard,
} from "../../../fixtures/ssh/smart-card.ts";
import { sessionWith } from "../../../fixtures/ssh/session-in-worker.ts";
import { makeEcdsaKey } from "../../../fixtures/ssh/ecdsa-keys.ts";
import {
  makeWorld,
  relais,
  treeOf,
  type World,
} from "../../../fixtures/world.ts";
import { sshdAvailable, startSshd } from "../../../fixtures/sshd.ts";
import { AuthenticationError, ConfigError } from "../../../lib/errors.ts";
import { connect } from "../../../lib/ssh/ssh2/connect.ts";
import { readIdentity } from "../../../lib/ssh/ssh2/identity.ts";
import { sessionPermissions } from "../../../lib/ssh/permissions.ts";

/** A server that is to be shown what the agent holds. */
const asking = serverConfig({ agent: true });

Deno.test("readIdentity() tells that no agent was started", async () => {
  await withAgentAt(undefined, () => {
    assertThrows(
      () => readIdentity(asking),
      ConfigError,
      "Cannot ask the ssh-agent for production: SSH_AUTH_SOCK is not set",
    );
  });
});

Deno.test("readIdentity() tells that the agent is gone", async () => {
  await withAgentAt("/nowhere/agent", () => {
    assertThrows(
      () => readIdentity(asking),
      ConfigError,
      "there is no socket at /nowhere/agent",
    );
  });
});

Deno.test("readIdentity() leaves an encrypted key to the agent", async () => {
  await using agent = await startAgent();
  const directory = await Deno.makeTempDir();
  const identity = `${directory}/encrypted`;
  const args = ["-q", "-t", "ed25519", "-N", "secret", "-f", identity];
  await new Deno.Command("ssh-keygen", { args }).output();

  await withAgentAt(agent.socket, () => {
    assertEquals(readIdentity({ ...asking, identity }), {
      privateKey: null,
      agent: agent.socket,
    });
  });
  await Deno.remove(directory, { recursive: true });
});

Deno.test({
  name: "connect() logs in with the key that the agent holds",
  ignore: !sshdAvailable,
  async fn() {
    await using sshd = await startSshd();
    await using agent = await startAgent();
    await agent.add(`${sshd.directory}/identity`);
    const config = { ...sshd.serverConfig("production", "/"), identity: null };

    await withAgentAt(agent.socket, async () => {
      const session = await connect({ ...config, agent: true }, limits());
      await session.end();
    });
  },
});

Deno.test({
  name: "connect() logs in with an ECDSA key that the agent holds",
  ignore: !sshdAvailable,
  async fn() {
    await using sshd = await startSshd();
    await using agent = await startAgent();
    const identity = `${sshd.directory}/p384`;
    await makeEcdsaKey(identity, { bits: "384", form: "RFC4716" });
    await Deno.copyFile(`${identity}.pub`, `${sshd.directory}/authorized_keys`);
    await agent.add(identity);
    const config = { ...sshd.serverConfig("production", "/"), identity: null };

    await withAgentAt(agent.socket, async () => {
      const session = await connect({ ...config, agent: true }, limits());
      await session.end();
    });
  },
});

for (const transport of ["ssh2", "openssh"]) {
  Deno.test({
    name: `a pass over ${transport} logs in with a key on a smart card`,
    ignore: !sshdAvailable || !smartCardAvailable(),
    async fn() {
      await using world = await makeWorld({ transport });
      world.write({ "a.csv": "1;2\n" });
      await world.publish();
      const { directory } = world.production.sshd;
      const { agent, publicKey } = await startAgentWithCard(directory);
      await using _agent = agent;
      await Deno.writeTextFile(`${directory}/authorized_keys`, publicKey);
      await withAgent(world);

      const { code, stderr } = await relais(
        ["--once", "--config", world.config],
        { env: { SSH_AUTH_SOCK: agent.socket } },
      );

      assertEquals([code, stderr], [0, ""]);
      assertEquals(treeOf(world.into)["a.csv"]?.text, "1;2\n");
    },
  });
}

for (const args of [["check"], ["--once"]]) {
  Deno.test({
    name:
      `relais ${args} with agent = true and no agent ends with exit 2, and says what to do`,
    ignore: !sshdAvailable,
    async fn() {
      await using world = await makeWorld();
      await world.publish();
      await withAgent(world);
      for (const socket of ["", "/nowhere/agent"]) {
        const { code, stdout, stderr } = await relais(
          [...args, "--config", world.config],
          { env: { SSH_AUTH_SOCK: socket } },
        );

        const said = stdout + stderr;
        assertEquals(code, 2, said);
        assertStringIncludes(said, "Cannot ask the ssh-agent for production");
        assertStringIncludes(said, "start ssh-agent");
        assertEquals(/internal error|NotCapable/.test(said), false, said);
      }
    },
  });
}

Deno.test({
  name: "connect() is refused with an agent that holds nothing",
  ignore: !sshdAvailable,
  async fn() {
    await using sshd = await startSshd();
    await using agent = await startAgent();
    const config = { ...sshd.serverConfig("production", "/"), identity: null };

    await withAgentAt(agent.socket, async () => {
      await assertRejects(
        () => connect({ ...config, agent: true }, limits()),
        AuthenticationError,
        "holds no key",
      );
    });
  },
});

Deno.test({
  name: "sessionPermissions() are enough for a session that asks the agent",
  ignore: !sshdAvailable,
  async fn() {
    await using sshd = await startSshd();
    await using agent = await startAgent();
    await agent.add(`${sshd.directory}/identity`);
    const config = sshd.serverConfig("production", sshd.directory);
    const server = { ...config, identity: null, agent: true };

    await withAgentAt(agent.socket, async () => {
      const outcome = await sessionWith(sessionPermissions([server]), server);

      assertEquals("names" in outcome, true, JSON.stringify(outcome));
    });
  },
});

/** Has the replica show the keys of the agent, and no other. */
async function withAgent({ config }: World): Promise<void> {
  const text = await Deno.readTextFile(config);
  await Deno.writeTextFile(
    config,
    text.replace(/^identity = .*$/m, "agent = true"),
  );
}
