import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { until } from "../../../fixtures/until.ts";
import { sshdTest } from "../../../fixtures/ssh/sshd-test.ts";
import {
  bitsOfCurves,
  keyForms,
  makeEcdsaKey,
} from "../../../fixtures/ssh/ecdsa-keys.ts";
import { serverConfig } from "../../../fixtures/ssh/server-config.ts";
import { limits } from "../../../fixtures/ssh/limits.ts";
import { freePort, makeKey } from "../../../fixtures/sshd.ts";
import {
  AuthenticationError,
  RelaisError,
  UnreachableError,
  UnusableError,
} from "../../../lib/errors.ts";
import { connect } from "../../../lib/ssh/ssh2/connect.ts";
import type { ConnectOptions } from "../../../lib/ssh/connect-options.ts";

/** A server that `host` and `port` name, with a key that nobody will get to see. */
async function stranger(host: string, port: number) {
  const directory = await Deno.makeTempDir();
  await makeKey(`${directory}/identity`, "ed25519");
  const config = serverConfig({
    host,
    port,
    identity: `${directory}/identity`,
    hostKeys: ["SHA256:0000000000000000000000000000000000000000000"],
    root: "/",
  });
  return {
    config,
    [Symbol.dispose]: () => Deno.removeSync(directory, { recursive: true }),
  };
}

/** A listener that treats each connection as `welcome` says, and then waits for its end. */
function listen(
  welcome: (connection: Deno.TcpConn) => Promise<void> | void,
) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  async function serve(connection: Deno.TcpConn) {
    try {
      await welcome(connection);
      const bytes = new Uint8Array(1024);
      while (await connection.read(bytes) !== null);
    } catch {
      // The client has gone.
    } finally {
      try {
        connection.close();
      } catch {
        // It was closed by `welcome`.
      }
    }
  }
  const served = (async () => {
    const connections: Promise<void>[] = [];
    for await (const connection of listener) {
      connections.push(serve(connection));
    }
    await Promise.all(connections);
  })();
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await served;
    },
  };
}

const say = (connection: Deno.TcpConn, text: string) =>
  connection.write(new TextEncoder().encode(text));

/** How connecting to a stranger on `port` fails. */
async function failureAt(port: number, handshakeMs = 20_000) {
  using server = await stranger("127.0.0.1", port);
  const error = await assertRejects(
    () => connect(server.config, limits({ handshakeMs })),
    RelaisError,
  );
  return {
    name: error.name,
    message: error.message,
    ...error.hint === undefined ? {} : { hint: error.hint },
  };
}

Deno.test("connect() tells a closed port", async () => {
  const port = freePort();

  assertEquals(await failureAt(port), {
    name: "UnreachableError",
    message: `Cannot reach production (127.0.0.1:${port}): connection refused`,
    hint: "start sshd there, or correct host and port of production",
  });
});

Deno.test("connect() tells a host name that does not exist", async () => {
  using server = await stranger("no-such-host.invalid", 22);

  await assertRejects(
    () => connect(server.config, limits()),
    UnreachableError,
    "Cannot reach production (no-such-host.invalid:22): host name not found",
  );
});

Deno.test("connect() gives up a listener that never speaks", async () => {
  await using silent = listen(() => {});

  assertEquals(await failureAt(silent.port, 200), {
    name: "UnreachableError",
    message:
      `Cannot reach production (127.0.0.1:${silent.port}): no SSH banner within 0.2 s`,
  });
});

Deno.test("connect() gives up a server that stops after its banner", async () => {
  await using stuck = listen(async (connection) => {
    await say(connection, "SSH-2.0-stuck\r\n");
  });

  assertStringIncludes(
    (await failureAt(stuck.port, 200)).message,
    "no SSH session within 0.2 s",
  );
});

Deno.test("connect() tells an HTTP server", async () => {
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response(),
  );
  const { port } = server.addr;

  assertEquals(await failureAt(port), {
    name: "UnusableError",
    message:
      `Cannot use production (127.0.0.1:${port}): it is not an SSH server`,
    hint: "correct host and port of production",
  });
});

Deno.test("connect() tells a server that answers with noise", async () => {
  await using noisy = listen(async (connection) => {
    await connection.write(crypto.getRandomValues(new Uint8Array(20_000)));
    connection.close();
  });

  assertStringIncludes(
    (await failureAt(noisy.port)).message,
    "it is not an SSH server",
  );
});

Deno.test("connect() tells a connection that is closed before the banner", async () => {
  await using closing = listen((connection) => connection.close());
  const { name, message } = await failureAt(closing.port);

  assertEquals(name, "UnreachableError");
  assertStringIncludes(message, "before the SSH banner");
});

Deno.test("connect() tells that sshd has too many connections", async () => {
  await using full = listen(async (connection) => {
    await say(connection, "Exceeded MaxStartups\r\n");
    connection.close();
  });

  assertStringIncludes(
    (await failureAt(full.port)).message,
    "MaxStartups allows no more logins at the same time",
  );
});

Deno.test("connect() tells that sshd bans this machine for a while", async () => {
  await using banning = listen(async (connection) => {
    await say(connection, "Not allowed at this time\r\n");
    connection.close();
  });

  assertStringIncludes(
    (await failureAt(banning.port)).message,
    "it refuses this machine for a while",
  );
});

Deno.test("connect() does not even try once it was given up", async () => {
  let connections = 0;
  await using server = listen(() => void connections++);
  using config = await stranger("127.0.0.1", server.port);
  const options: ConnectOptions = { signal: AbortSignal.abort() };

  await assertRejects(
    () => connect(config.config, limits(), options),
    UnreachableError,
    "the attempt was cancelled",
  );
  assertEquals(connections, 0);
});

Deno.test("connect() stops when it is given up", async () => {
  const controller = new AbortController();
  await using server = listen(() => controller.abort());
  using config = await stranger("127.0.0.1", server.port);

  await assertRejects(
    () => connect(config.config, limits(), controller),
    UnreachableError,
    "the attempt was cancelled",
  );
});

sshdTest(
  "connect() shows a key that is refused once",
  {},
  async (sshd) => {
    await Deno.writeTextFile(`${sshd.directory}/authorized_keys`, "");
    const config = sshd.serverConfig("production", "/");

    await assertRejects(() => connect(config, limits()), AuthenticationError);

    assertEquals(sshd.log.match(/Failed publickey/g)?.length, 1, sshd.log);
  },
);

sshdTest("connect() tells a server that runs something else", {
  config: "ForceCommand true",
}, async (sshd) => {
  await assertRejects(
    () => connect(sshd.serverConfig("production", "/"), limits()),
    UnusableError,
    "its SFTP server ends at once",
  );
});

sshdTest("connect() tells a shell that prints text before SFTP starts", {
  config:
    "ForceCommand echo welcome to production; exec /usr/lib/openssh/sftp-server",
}, async (sshd) => {
  const error = await assertRejects(
    () => connect(sshd.serverConfig("production", "/"), limits()),
    UnusableError,
    'it prints "welcome to production" where SFTP should begin',
  );
  assert(!/\d{6}/.test(error.message.replace(/:\d+\)/, "")), error.message);
});

sshdTest("connect() gives up a server whose SFTP does not start", {
  config: "ForceCommand sleep 60",
}, async (sshd) => {
  await assertRejects(
    () =>
      connect(
        sshd.serverConfig("production", "/"),
        limits({ handshakeMs: 3_000 }),
      ),
    UnreachableError,
    "no SFTP session within 3 s",
  );
});

sshdTest("connect() gives up a server that is frozen", {}, async (sshd) => {
  sshd.freeze();

  await assertRejects(
    () =>
      connect(
        sshd.serverConfig("production", "/"),
        limits({ handshakeMs: 200 }),
      ),
    UnreachableError,
    "no SSH banner within 0.2 s",
  );
});

for (
  const cipher of [
    "chacha20-poly1305@openssh.com",
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "aes128-ctr",
    "aes256-ctr",
  ]
) {
  sshdTest(
    `connect() works with ${cipher}`,
    { config: `Ciphers ${cipher}` },
    async (sshd) => {
      await using session = await connect(
        sshd.serverConfig("production", "/"),
        limits(),
      );

      assertEquals((await session.stat("/")).kind, "directory");
    },
  );
}

sshdTest(
  "connect() works again with a server that was stopped and started",
  {},
  async (sshd) => {
    const config = sshd.serverConfig("production", "/");
    await sshd.stop();
    await assertRejects(() => connect(config, limits()), UnreachableError);
    await sshd.start();

    const session = await connect(config, limits());
    await session.end();
  },
);

sshdTest("connect() leaves no session behind", {}, async (sshd) => {
  const config = sshd.serverConfig("production", "/");
  for (let i = 0; i < 5; i++) await (await connect(config, limits())).end();

  const ended = () => sshd.log.match(/Disconnected from user/g)?.length ?? 0;
  await until(() => ended() >= 5);
  assertEquals(ended(), 5);
});

sshdTest(
  "connect() logs in with ECDSA keys of each curve and form",
  {},
  async (sshd) => {
    const { directory } = sshd;
    for (const bits of bitsOfCurves) {
      for (const form of keyForms) {
        // Every second key in OpenSSH's own form begins with what Deno does not take.
        for (const round of form === "RFC4716" ? [1, 2, 3, 4] : [1]) {
          const identity = `${directory}/${bits}-${form}-${round}`;
          await makeEcdsaKey(identity, { bits, form });
          await Deno.copyFile(
            `${identity}.pub`,
            `${directory}/authorized_keys`,
          );
          const config = sshd.serverConfig("production", "/");

          const session = await connect({ ...config, identity }, limits());
          await session.end();
        }
      }
    }
  },
);
