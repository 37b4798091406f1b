import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { Buffer } from "node:buffer";
import ssh2 from "ssh2";
import { generateKeyPair } from "../../../lib/demo/key-pair.ts";
import { serverConfig } from "../../../fixtures/ssh/server-config.ts";
import {
  type EmbeddedServer,
  startSftpServer,
} from "../../../lib/demo/sftp-server.ts";
import { makeWorld } from "../../../fixtures/world.ts";
import { limits } from "../../../fixtures/ssh/limits.ts";
import {
  makeKey,
  type Sshd,
  sshdAvailable,
  startSshd,
} from "../../../fixtures/sshd.ts";
import { ConfigError, HostKeyError } from "../../../lib/errors.ts";
import { connect } from "../../../lib/ssh/ssh2/connect.ts";
import {
  fingerprint,
  HostKeyVerifier,
  readTrust,
  trustedKeyTypes,
} from "../../../lib/ssh/ssh2/host-key.ts";
import { parseKnownHosts } from "../../../lib/ssh/ssh2/known-hosts.ts";

/** A fresh ed25519 key, as SSH sends it. */
function freshKey(): Buffer {
  const { public: text } = generateKeyPair();
  return Buffer.from(text.split(" ")[1]!, "base64");
}

const key = freshKey();
const otherKey = freshKey();

/** What a verifier makes of `shown`, trusting these lines and fingerprints. */
function verify(
  shown: Uint8Array,
  { knownHosts = "", hostKeys = [] }: {
    knownHosts?: string;
    hostKeys?: string[];
  },
) {
  const trust = {
    lines: parseKnownHosts(knownHosts),
    fingerprints: hostKeys,
  };
  const verifier = new HostKeyVerifier(serverConfig({ hostKeys }), trust);
  const answer = verifier.verify(shown);
  return { answer, refusal: verifier.refusal };
}

const line = (blob: Buffer) =>
  `prod.example ssh-ed25519 ${blob.toString("base64")}`;

Deno.test("fingerprint() is what ssh-keygen tells", async () => {
  const directory = await Deno.makeTempDir();
  await makeKey(`${directory}/key`, "ed25519");
  const { stdout } = await new Deno.Command("ssh-keygen", {
    args: ["-lf", `${directory}/key.pub`],
  }).output();
  const [, blob] = (await Deno.readTextFile(`${directory}/key.pub`)).split(" ");
  await Deno.remove(directory, { recursive: true });

  assertEquals(
    fingerprint(Buffer.from(blob!, "base64")),
    new TextDecoder().decode(stdout).split(" ")[1],
  );
});

Deno.test("HostKeyVerifier answers exactly true to the key in known_hosts", () => {
  assertEquals(verify(key, { knownHosts: line(key) }), {
    answer: true,
    refusal: undefined,
  });
});

Deno.test("HostKeyVerifier answers exactly true to each pinned key", () => {
  const hostKeys = [fingerprint(key), fingerprint(otherKey)];

  assertEquals(
    [key, otherKey].map((shown) => verify(shown, { hostKeys }).answer),
    [true, true],
  );
});

Deno.test("HostKeyVerifier refuses another key, and tells both", () => {
  const { answer, refusal } = verify(otherKey, { knownHosts: line(key) });

  assertEquals(
    [answer, refusal!.message],
    [
      false,
      `Cannot trust production (prod.example:22): its host key is not the one in known_hosts: expected ${
        fingerprint(key)
      }, got ${fingerprint(otherKey)}`,
    ],
  );
});

Deno.test("HostKeyVerifier refuses a key that is not pinned, and tells both", () => {
  const { answer, refusal } = verify(otherKey, {
    hostKeys: [fingerprint(key)],
  });

  assertEquals(
    [answer, refusal!.message],
    [
      false,
      `Cannot trust production (prod.example:22): its host key is not the pinned one: expected ${
        fingerprint(key)
      }, got ${fingerprint(otherKey)}`,
    ],
  );
});

Deno.test("HostKeyVerifier refuses a host that nothing is known of, and says how to add it", () => {
  const { answer, refusal } = verify(key, {});

  assertEquals(answer, false);
  assertStringIncludes(refusal!.message, "is not in known_hosts");
  assertStringIncludes(refusal!.hint!, "ssh-keyscan -p 22 prod.example");
});

Deno.test("HostKeyVerifier refuses a revoked key even if it is pinned", () => {
  const { answer, refusal } = verify(key, {
    knownHosts: `@revoked ${line(key)}`,
    hostKeys: [fingerprint(key)],
  });

  assertEquals(answer, false);
  assertStringIncludes(refusal!.message, "is revoked");
});

Deno.test("HostKeyVerifier refuses the key in known_hosts if another one is pinned, and says which disagrees", () => {
  const { answer, refusal } = verify(key, {
    knownHosts: line(key),
    hostKeys: [fingerprint(otherKey)],
  });

  assertEquals(answer, false);
  assertStringIncludes(
    refusal!.message,
    `its host key ${fingerprint(key)} is in known_hosts, but host_key is ${
      fingerprint(otherKey)
    }`,
  );
  assertStringIncludes(refusal!.hint!, `set host_key = "${fingerprint(key)}"`);
});

Deno.test("HostKeyVerifier refuses the pinned key if known_hosts has another one, and says which disagrees", () => {
  const { answer, refusal } = verify(key, {
    knownHosts: line(otherKey),
    hostKeys: [fingerprint(key)],
  });

  assertEquals(answer, false);
  assertStringIncludes(
    refusal!.message,
    `its host key ${
      fingerprint(key)
    } is the one in host_key, but known_hosts has ${fingerprint(otherKey)}`,
  );
  assertStringIncludes(refusal!.hint!, "ssh-keygen -R 'prod.example'");
});

Deno.test("HostKeyVerifier takes the pinned key if known_hosts agrees, or says nothing of the host", () => {
  const hostKeys = [fingerprint(otherKey), fingerprint(key)];

  assertEquals(
    [`${line(otherKey)}\n${line(key)}`, line(key), ""].map((knownHosts) =>
      verify(key, { knownHosts, hostKeys }).answer
    ),
    [true, true, true],
  );
});

Deno.test("HostKeyVerifier says that host certificates are not supported", () => {
  const { answer, refusal } = verify(key, {
    knownHosts: `@cert-authority ${line(otherKey)}`,
  });

  assertEquals(answer, false);
  assertStringIncludes(refusal!.message, "certificates are not supported");
  assertStringIncludes(refusal!.hint!, 'set transport = "openssh" for ');
});

Deno.test("HostKeyVerifier answers exactly false if judging fails", () => {
  const { answer, refusal } = verify(
    null as unknown as Uint8Array,
    { knownHosts: line(key) },
  );

  assertEquals([answer, refusal instanceof HostKeyError], [false, true]);
});

Deno.test("HostKeyVerifier answers again at each rekeying", () => {
  const trust = { lines: parseKnownHosts(line(key)), fingerprints: [] };
  const verifier = new HostKeyVerifier(serverConfig(), trust);

  assertEquals(
    [key, otherKey].map((shown) => verifier.verify(shown)),
    [true, false],
  );
});

Deno.test("readTrust() reads several known_hosts files", async () => {
  const directory = await Deno.makeTempDir();
  const knownHosts = [`${directory}/a`, `${directory}/b`];
  await Deno.writeTextFile(knownHosts[0]!, line(otherKey));
  await Deno.writeTextFile(knownHosts[1]!, line(key));
  const trust = readTrust(serverConfig({ knownHosts }));
  await Deno.remove(directory, { recursive: true });

  assertEquals(trust.lines.length, 2);
});

Deno.test("readTrust() tells a known_hosts that is not there", () => {
  assertThrows(
    () => readTrust(serverConfig({ knownHosts: ["/nowhere/known_hosts"] })),
    ConfigError,
    "Cannot read known_hosts /nowhere/known_hosts of production: there is no such file",
  );
});

/** Puts something at a path, and returns what ends it. */
type Make = (path: string) => Promise<() => void>;
const kinds: Record<string, Make> = {
  async directory(path) {
    await Deno.mkdir(path);
    return () => {};
  },
  async FIFO(path) {
    await new Deno.Command("mkfifo", { args: [path] }).output();
    return () => {};
  },
  async device(path) {
    await Deno.symlink("/dev/zero", path);
    return () => {};
  },
  socket(path) {
    const listener = Deno.listen({ transport: "unix", path });
    return Promise.resolve(() => listener.close());
  },
};
for (const [kind, make] of Object.entries(kinds)) {
  Deno.test(`readTrust() refuses a known_hosts that is a ${kind}, and waits for nothing`, async () => {
    const directory = await Deno.makeTempDir();
    const path = `${directory}/known_hosts`;
    const end = await make(path);

    const error = assertThrows(
      () => readTrust(serverConfig({ knownHosts: [path] })),
      ConfigError,
      `Cannot read known_hosts ${path} of production: it is a ${kind}`,
    );
    end();
    await Deno.remove(directory, { recursive: true });
    assertStringIncludes(error.hint!, "ssh-keyscan");
  });
}

Deno.test("trustedKeyTypes() are those in known_hosts, of which those that are pinned come first, and any if there are none", () => {
  const rsa = keyOfType("ssh-rsa");
  const lines = parseKnownHosts(
    `${line(key)}\nprod.example ssh-rsa ${rsa.toString("base64")}`,
  );
  const types = (fingerprints: string[]) =>
    trustedKeyTypes({ lines, fingerprints });

  assertEquals(types([]), ["ssh-ed25519", "ssh-rsa"]);
  assertEquals(types([fingerprint(rsa)]), ["ssh-rsa"]);
  assertEquals(types([fingerprint(otherKey)]), ["ssh-ed25519", "ssh-rsa"]);
  assertEquals(
    trustedKeyTypes({ lines: [], fingerprints: [fingerprint(key)] }),
    [],
  );
});

/** Something that begins as a key of this type does. */
function keyOfType(type: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(type.length);
  return Buffer.concat([length, Buffer.from(`${type} and more`)]);
}

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

function sshdTest(name: string, run: (sshd: Sshd) => Promise<void>): void {
  Deno.test({
    name,
    ignore: !sshdAvailable,
    async fn() {
      await using sshd = await startSshd();
      await run(sshd);
    },
  });
}

sshdTest(
  "connect() refuses an sshd whose host key was replaced",
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
    await kinds.FIFO!(knownHosts);

    const { code, stderr } = await world.relais("--once");

    assertEquals(code, 3, stderr);
    assertStringIncludes(stderr, "it is a FIFO, not a regular file");
  },
});
