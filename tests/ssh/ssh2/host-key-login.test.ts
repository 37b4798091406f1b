import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import ssh2 from "ssh2";
import { freshHostKey } from "../../../fixtures/ssh/fresh-host-key.ts";
import { sshdTest } from "../../../fixtures/ssh/sshd-test.ts";
import { limits } from "../../../fixtures/ssh/limits.ts";
import {
  makeKey,
  type Sshd,
  sshdAvailable,
  startSshd,
} from "../../../fixtures/sshd.ts";
import { makeWorld } from "../../../fixtures/world.ts";
import {
  type EmbeddedServer,
  startSftpServer,
} from "../../../lib/demo/sftp-server.ts";
import { HostKeyError } from "../../../lib/errors.ts";
import { connect } from "../../../lib/ssh/ssh2/connect.ts";
import { fingerprint } from "../../../lib/ssh/ssh2/host-key.ts";

/** A key that no server here has. */
const otherKey = freshHostKey();

/** A directory with an embedded server; its client's key lies there too. */
async function startServer() {
  const root = await Deno.makeTempDir();
  const server = await startSftpServer({ root, keys: root });
  return {
    server,
    async [Symbol.asyncDispose]() {
      await server.stop();
      await Deno.remove(root, { recursive: true });
    },
  };
}

/** What ssh2 makes of a host verifier: whether it goes on to log in. */
async function outcomeOf(
  verifier: (key: Uint8Array, done: (answer?: unknown) => void) => unknown,
  server: EmbeddedServer,
  readyTimeout: number,
): Promise<"accepted" | "refused"> {
  const { host, port, identity } = server.serverConfig("production");
  const { promise, resolve } = Promise.withResolvers<"accepted" | "refused">();
  const client = new ssh2.Client();
  client.on("ready", () => resolve("accepted"));
  client.on("error", () => resolve("refused"));
  const closed = new Promise((resolve) => client.on("close", resolve));
  const config = {
    host,
    port,
    username: "relais",
    privateKey: await Deno.readTextFile(identity!),
    hostVerifier: verifier,
    readyTimeout,
  };
  client.connect(config as unknown as Parameters<typeof client.connect>[0]);
  const outcome = await promise;
  client.end();
  await closed;
  return outcome;
}

Deno.test("ssh2 refuses a host only if its verifier answers exactly false", async () => {
  await using started = await startServer();
  const failing = () => {
    const rejected = Promise.reject(new Error("no verdict"));
    rejected.catch(() => {});
    return rejected;
  };
  const outcomes: Record<string, string> = {};
  const shapes: Record<string, Parameters<typeof outcomeOf>[0]> = {
    "true": () => true,
    "false": () => false,
    "null": () => null,
    "0": () => 0,
    "empty string": () => "",
    "the string false": () => "false",
    "NaN": () => NaN,
    "an object": () => ({ trusted: false }),
    "a promise of false": () => Promise.resolve(false),
    "a promise that is rejected": failing,
    "a callback with false": (_, done) => done(false),
    "a callback with nothing": (_, done) => done(),
    "a callback with null": (_, done) => done(null),
    "a throw": () => {
      throw new Error("no verdict");
    },
    "nothing at all": () => undefined,
  };
  for (const [shape, verifier] of Object.entries(shapes)) {
    // Only one of them keeps ssh2 waiting for its limit.
    const limit = shape === "nothing at all" ? 500 : 60_000;
    outcomes[shape] = await outcomeOf(verifier, started.server, limit);
  }

  assertEquals(outcomes, {
    "true": "accepted",
    "false": "refused",
    "null": "accepted",
    "0": "accepted",
    "empty string": "accepted",
    "the string false": "accepted",
    "NaN": "accepted",
    "an object": "accepted",
    "a promise of false": "accepted",
    "a promise that is rejected": "accepted",
    "a callback with false": "refused",
    "a callback with nothing": "accepted",
    "a callback with null": "accepted",
    "a throw": "refused",
    // It is waited for, until ssh2's own time limit.
    "nothing at all": "refused",
  });
});

Deno.test("connect() says nothing more to a server with another host key", async () => {
  await using started = await startServer();
  const { server } = started;
  const config = {
    ...server.serverConfig("production"),
    hostKeys: [fingerprint(otherKey)],
  };
  const depths: string[] = [];

  await assertRejects(
    () => connect(config, limits(), { onDepth: (depth) => depths.push(depth) }),
    HostKeyError,
    `expected ${fingerprint(otherKey)}, got ${server.hostKey}`,
  );
  // Whatever was said has been heard by then.
  await server.stop();
  assertEquals([depths, server.logins], [["connected", "handshaken"], 0]);
});

Deno.test("connect() logs in once to a server with the pinned host key", async () => {
  await using started = await startServer();
  const { server } = started;
  const depths: string[] = [];
  await using _session = await connect(
    server.serverConfig("production"),
    limits(),
    { onDepth: (depth) => depths.push(depth) },
  );

  // The first time the key is only offered, the second time it signs.
  assertEquals(server.logins, 2);
  assertEquals(depths, [
    "connected",
    "handshaken",
    "trusted",
    "authenticated",
    "sftp",
  ]);
});

sshdTest(
  "connect() refuses an sshd whose host key was replaced",
  {},
  async (sshd) => {
    await sshd.stop();
    await makeKey(`${sshd.directory}/host_key`, "ed25519");
    await sshd.start();

    const error = await assertRejects(
      () => connect(sshd.serverConfig("production", "/"), limits()),
      HostKeyError,
      "its host key is not the one in known_hosts",
    );
    assertStringIncludes(error.message, `got ${await sshd.hostKey()}`);
    assert(!/publickey/.test(sshd.log), sshd.log);
  },
);

sshdTest(
  "connect() refuses an sshd that shows a key of another type only",
  {},
  async (sshd) => {
    await sshd.stop();
    await makeKey(`${sshd.directory}/host_key`, "ecdsa");
    await sshd.start();

    await assertRejects(
      () => connect(sshd.serverConfig("production", "/"), limits()),
      HostKeyError,
      "it has no host key of a type in known_hosts (ssh-ed25519)",
    );
  },
);

sshdTest(
  "connect() refuses an sshd that no known_hosts names",
  {},
  async (sshd) => {
    await Deno.writeTextFile(sshd.knownHosts, "# nobody yet\n");

    await assertRejects(
      () => connect(sshd.serverConfig("production", "/"), limits()),
      HostKeyError,
      "is not in known_hosts",
    );
  },
);

for (
  const [which, disagree] of Object.entries(
    {
      host_key: (sshd) =>
        Promise.resolve({ hostKeys: [fingerprint(otherKey)], sshd }),
      known_hosts: async (sshd) => {
        await Deno.writeTextFile(
          sshd.knownHosts,
          `[127.0.0.1]:${sshd.port} ssh-ed25519 ${
            otherKey.toString("base64")
          }\n`,
        );
        return { hostKeys: [await sshd.hostKey()], sshd };
      },
    } satisfies Record<
      string,
      (sshd: Sshd) => Promise<{ hostKeys: string[]; sshd: Sshd }>
    >,
  )
) {
  sshdTest(
    `connect() refuses an sshd if only ${which} has another key`,
    {},
    async (sshd) => {
      const { hostKeys } = await disagree(sshd);
      const config = { ...sshd.serverConfig("production", "/"), hostKeys };

      await assertRejects(
        () => connect(config, limits()),
        HostKeyError,
        "its host key",
      );
      assert(!/publickey/.test(sshd.log), sshd.log);
    },
  );
}

for (const type of ["ed25519", "ecdsa", "rsa"] as const) {
  Deno.test({
    name: `connect() knows the ${type} key of an sshd`,
    ignore: !sshdAvailable,
    async fn() {
      await using sshd = await startSshd({ hostKeyType: type });

      const session = await connect(
        sshd.serverConfig("production", "/"),
        limits(),
      );
      await session.end();
    },
  });
}

sshdTest(
  "connect() asks for the key type that known_hosts has, whatever the server prefers",
  {},
  async (sshd) => {
    await sshd.stop();
    const second = `${sshd.directory}/host_key_rsa`;
    await makeKey(second, "rsa");
    await Deno.writeTextFile(
      `${sshd.directory}/sshd_config`,
      `\nHostKey ${second}\n`,
      { append: true },
    );
    const rsa = await Deno.readTextFile(`${second}.pub`);
    await Deno.writeTextFile(
      sshd.knownHosts,
      `[127.0.0.1]:${sshd.port} ${rsa}`,
    );
    await sshd.start();

    const session = await connect(
      sshd.serverConfig("production", "/"),
      limits(),
    );
    await session.end();
  },
);

Deno.test({
  name:
    "a pass ends with exit 6 if host_key has another key than known_hosts and the server",
  ignore: !sshdAvailable,
  async fn() {
    await using world = await makeWorld();
    world.write({ "a.csv": "a" });
    await world.publish();
    const config = await Deno.readTextFile(world.config);
    await Deno.writeTextFile(
      world.config,
      config.replace(
        /^known_hosts = /m,
        `host_key = "${fingerprint(otherKey)}"\n$&`,
      ),
    );

    const { code, stderr } = await world.relais("--once");

    assertEquals(code, 6, stderr);
    assertStringIncludes(stderr, "is in known_hosts, but host_key is");
  },
});

Deno.test({
  name: "a pass does not wait for a known_hosts that is a FIFO, and says so",
  ignore: !sshdAvailable,
  async fn() {
    await using world = await makeWorld();
    await world.publish();
    const { knownHosts } = world.production.sshd;
    await Deno.remove(knownHosts);
    await new Deno.Command("mkfifo", { args: [knownHosts] }).output();

    const { code, stderr } = await world.relais("--once");

    assertEquals(code, 3, stderr);
    assertStringIncludes(stderr, "it is a FIFO, not a regular file");
  },
});
