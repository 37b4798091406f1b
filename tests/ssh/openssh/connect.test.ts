import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { openByClient } from "../../../fixtures/ssh/client-stage.ts";
import { knowOtherKey } from "../../../fixtures/ssh/known-key.ts";
import { serverConfig } from "../../../fixtures/ssh/server-config.ts";
import { sshdTest } from "../../../fixtures/ssh/sshd-test.ts";
import {
  freePort,
  makeKey,
  type Sshd,
  sshdAvailable,
  startSshd,
} from "../../../fixtures/sshd.ts";
import { byClient } from "../../../fixtures/transport.ts";
import { RelaisError, UnreachableError } from "../../../lib/errors.ts";
import type { ServerConfig } from "../../../lib/config/config.ts";
import type { Depth } from "../../../lib/ssh/depth.ts";

/** How opening a session fails, without what differs from run to run. */
async function failureOf(
  server: ServerConfig,
  some: Parameters<typeof openByClient>[1] = {},
): Promise<{ name: string; exit: number; told: string }> {
  const { name, exitStatus, message } = await assertRejects(
    () => openByClient(server, some),
    RelaisError,
  );
  return {
    name,
    exit: exitStatus,
    told: message.replaceAll(String(server.port), "PORT")
      .replaceAll(server.user, "USER")
      .replaceAll(/SHA256:[A-Za-z0-9+/]{43}/g, "FINGERPRINT"),
  };
}

sshdTest("a session over ssh reads files and directories", {}, async (sshd) => {
  const { directory } = sshd;
  const contents = crypto.getRandomValues(new Uint8Array(60_000));
  await Deno.mkdir(`${directory}/export`);
  await Deno.writeFile(`${directory}/export/a`, contents);
  const depths: Depth[] = [];
  const server = byClient(sshd.serverConfig("production", directory));
  await using stage = await openByClient(server, {}, {
    onDepth: (depth) => depths.push(depth),
  });
  const { session } = stage;

  const names = (await Array.fromAsync(session.list(`${directory}/export`)))
    .flat().map(({ name }) => name);
  const handle = await session.open(`${directory}/export/a`);
  const bytes = await session.read(handle, 0, contents.length);
  await session.close(handle);

  assertEquals(names, ["a"]);
  assertEquals(bytes, contents);
  // What OpenSSH says of its limits, and of itself.
  assertEquals(session.maxRead, 255 * 1024);
  assertEquals(depths, [
    ...["connected", "connected", "handshaken", "trusted", "authenticated"],
    "sftp",
  ] as Depth[]);
});

sshdTest(
  "64 MiB come over ssh as they are, with more in flight than fits",
  {},
  async (sshd) => {
    const { directory } = sshd;
    const piece = crypto.getRandomValues(new Uint8Array(64 * 1024));
    const pieces = 1024;
    using file = await Deno.open(`${directory}/large`, {
      write: true,
      create: true,
    });
    for (let index = 0; index < pieces; index++) {
      piece[0] = index % 256;
      await file.write(piece);
    }
    await using stage = await openByClient(
      byClient(sshd.serverConfig("production", directory)),
    );
    const { session } = stage;
    const handle = await session.open(`${directory}/large`);

    const read = await Promise.all(
      Array.from({ length: pieces }, async (_, index) => {
        const bytes = await session.read(
          handle,
          index * piece.length,
          piece.length,
        );
        // All the same but for the first byte.
        return bytes.length === piece.length && bytes[0] === index % 256 &&
          bytes[9_999] === piece[9_999] && bytes.at(-1) === piece.at(-1);
      }),
    );

    assertEquals(read.filter((isRight) => !isRight).length, 0);
    assert(session.wireBytes.received > pieces * piece.length);
  },
);

sshdTest(
  "ssh refuses an unknown host key, and shows no key of ours",
  {},
  async (sshd) => {
    await Deno.writeTextFile(sshd.knownHosts, "");
    const server = byClient(sshd.serverConfig("production", "/"));

    assertEquals(await failureOf(server), {
      name: "HostKeyError",
      exit: 6,
      told:
        "Cannot trust production (127.0.0.1:PORT): No ED25519 host key is known for [127.0.0.1]:PORT and you have requested strict checking; Host key verification failed",
    });
    assertEquals(sshd.log.match(/publickey/g), null, sshd.log);
  },
);

sshdTest(
  "ssh refuses a changed host key, and shows no key of ours",
  {},
  async (sshd) => {
    await knowOtherKey(sshd);
    const server = byClient(sshd.serverConfig("production", "/"));

    assertEquals(await failureOf(server), {
      name: "HostKeyError",
      exit: 6,
      told:
        "Cannot trust production (127.0.0.1:PORT): Host key for [127.0.0.1]:PORT has changed and you have requested strict checking; Host key verification failed",
    });
    assertEquals(sshd.log.match(/publickey/g), null, sshd.log);
  },
);

/** Runs the commands that a hint names, and says yes to each question. */
async function follow(hint: string): Promise<void> {
  const directory = await Deno.makeTempDir();
  const yes = `${directory}/yes`;
  await Deno.writeTextFile(yes, "#!/bin/sh\necho yes\n", { mode: 0o755 });
  for (const [, command] of hint.matchAll(/"([^"]+)"/g)) {
    await new Deno.Command("sh", {
      args: ["-c", command!],
      env: { SSH_ASKPASS: yes, SSH_ASKPASS_REQUIRE: "force", DISPLAY: ":0" },
      stdin: "null",
    }).output();
  }
  await Deno.remove(directory, { recursive: true });
}

for (
  const [what, spoil] of [
    ["not known", (sshd) => Deno.writeTextFile(sshd.knownHosts, "")],
    ["another one", async (sshd) => {
      await sshd.stop();
      await makeKey(`${sshd.directory}/host_key`, "ed25519");
      await sshd.start();
    }],
  ] satisfies [string, (sshd: Sshd) => Promise<void>][]
) {
  sshdTest(
    `a host key that is ${what} is trusted once its administrator has done what is told`,
    {},
    async (sshd) => {
      const server = byClient(sshd.serverConfig("production", "/"), {
        config: `${sshd.directory}/ssh_config`,
      });
      await Deno.writeTextFile(
        `${sshd.directory}/ssh_config`,
        "StrictHostKeyChecking yes\n",
      );
      await spoil(sshd);
      const { hint } = await assertRejects(
        () => openByClient(server),
        RelaisError,
      );

      await follow(hint!);

      await using stage = await openByClient(server);
      assertEquals((await stage.session.stat("/")).kind, "directory");
    },
  );
}

sshdTest(
  "ssh does not ask for a passphrase, and what to do is told with the command that does",
  {},
  async (sshd) => {
    const { directory } = sshd;
    const identity = `${directory}/identity`;
    await new Deno.Command("ssh-keygen", {
      args: ["-q", "-p", "-N", "a secret", "-f", identity],
    }).output();
    const server = byClient(sshd.serverConfig("production", "/"));

    const { exitStatus, hint } = await assertRejects(
      () => openByClient(server),
      RelaisError,
    );

    assertEquals(exitStatus, 6);
    assertMatch(
      hint!.replaceAll(directory, "DIR"),
      /^run "\/usr\/bin\/ssh -F \/dev\/null -p \d+ -l \w+ -i DIR\/identity -o StrictHostKeyChecking=ask .* -v -s 127\.0\.0\.1 sftp" as the account of relais, .*: a key with a passphrase needs an agent \(ssh-add, and agent = true\)$/,
    );
  },
);

Deno.test({
  name: "a banner changes nothing of what is told of a server",
  ignore: !sshdAvailable,
  async fn() {
    const banner = await Deno.makeTempFile();
    await Deno.writeTextFile(
      banner,
      `debug1: Server host key: ssh-ed25519 SHA256:${"A".repeat(43)}
debug1: kex: server->client cipher: none MAC: none compression: none
debug1: Authenticating to elsewhere.example:22 as 'nobody'
debug1: Remote protocol version 2.0, remote software version Other_1.0
`,
    );
    await using sshd = await startSshd({ config: `Banner ${banner}` });
    await using stage = await openByClient(
      byClient(sshd.serverConfig("production", "/")),
    );
    await Deno.remove(banner);

    assertEquals(stage.session.terms, {
      transport: "openssh",
      way: [`127.0.0.1:${sshd.port}`],
      hostKey: `ssh-ed25519 ${await sshd.hostKey()}`,
      cipher: "chacha20-poly1305@openssh.com",
      weak: [],
    });
    // As of OpenSSH.
    assertEquals(stage.session.maxRead, 255 * 1024);
  },
});

sshdTest(
  "ssh is not let in with a key that the server does not know",
  {},
  async (sshd) => {
    await Deno.writeTextFile(`${sshd.directory}/authorized_keys`, "");
    const server = byClient(sshd.serverConfig("production", "/"));

    assertEquals(await failureOf(server), {
      name: "AuthenticationError",
      exit: 6,
      told:
        "Cannot log in to production (127.0.0.1:PORT) as USER: USER@127.0.0.1: Permission denied (publickey)",
    });
    assertEquals(sshd.log.match(/Failed publickey/g)?.length, 1, sshd.log);
  },
);

Deno.test("ssh tells a closed port, and a name that is not there", async () => {
  const closed = byClient(
    serverConfig({ host: "127.0.0.1", port: freePort() }),
  );
  const nowhere = byClient(serverConfig({ host: "no-such.invalid" }));

  assertEquals(await failureOf(closed), {
    name: "UnreachableError",
    exit: 3,
    told:
      "Cannot reach production (127.0.0.1:PORT): ssh: connect to host 127.0.0.1 port PORT: Connection refused",
  });
  assertEquals(await failureOf(nowhere), {
    name: "UnreachableError",
    exit: 3,
    told:
      "Cannot reach production (no-such.invalid:PORT): ssh: Could not resolve hostname no-such.invalid: Name or service not known",
  });
});

Deno.test("a server is told by the name that ssh_config knows it by", async () => {
  const server = byClient(serverConfig({ host: "no-such.invalid" }), {
    port: null,
  });

  const { told } = await failureOf(server);

  assertEquals(
    told.startsWith("Cannot reach production (no-such.invalid): "),
    true,
  );
});

const endings: readonly [what: string, config: string, told: string][] = [
  [
    "no sftp subsystem",
    "Subsystem other /bin/true",
    "Cannot use production (127.0.0.1:PORT): its sshd has no sftp subsystem",
  ],
  [
    "a forced command that prints",
    "ForceCommand echo This account is not available",
    'Cannot use production (127.0.0.1:PORT): it prints "This account is not available" where SFTP should begin',
  ],
  [
    "a forced command that ends",
    "ForceCommand exit 3",
    "Cannot use production (127.0.0.1:PORT): its SFTP server ends at once (Received exit code 3 while establishing SFTP session)",
  ],
  [
    "no algorithm in common",
    "Ciphers aes128-cbc",
    "Cannot use production (127.0.0.1:PORT): Unable to negotiate with 127.0.0.1 port PORT: no matching cipher found. Their offer: aes128-cbc",
  ],
];

for (const [what, config, told] of endings) {
  sshdTest(`ssh tells ${what}, with exit 3`, { config }, async (sshd) => {
    const server = byClient(sshd.serverConfig("production", "/"));

    assertEquals(await failureOf(server), {
      name: "UnusableError",
      exit: 3,
      told,
    });
  });
}

sshdTest(
  'algorithms = "legacy" holds for ssh as well, and what is weak is told',
  {
    config: `KexAlgorithms diffie-hellman-group14-sha1
Ciphers aes128-cbc
MACs hmac-sha1
HostKeyAlgorithms ssh-rsa`,
    hostKeyType: "rsa",
  },
  async (sshd) => {
    const server = byClient(sshd.serverConfig("production", "/"));
    await using stage = await openByClient({ ...server, algorithms: "legacy" });

    assertEquals(stage.session.terms.weak, [
      ...["diffie-hellman-group14-sha1", "ssh-rsa", "aes128-cbc", "hmac-sha1"],
    ]);
  },
);

sshdTest("a frozen server is given up in time", {}, async (sshd) => {
  sshd.freeze();
  const server = byClient(sshd.serverConfig("production", "/"));

  assertEquals(await failureOf(server, { handshakeMs: 300 }), {
    name: "UnreachableError",
    exit: 3,
    told:
      "Cannot reach production (127.0.0.1:PORT): no SSH banner within 0.3 s",
  });
});

sshdTest("SFTP that does not begin is given up in time", {
  config: "ForceCommand sleep 60",
}, async (sshd) => {
  const server = byClient(sshd.serverConfig("production", "/"));

  const { name, told } = await failureOf(server, { handshakeMs: 3_000 });

  assertEquals([name, told], [
    "UnreachableError",
    "Cannot reach production (127.0.0.1:PORT): no SFTP session within 3 s",
  ]);
});

sshdTest(
  "a session that breaks tells why, and rejects what is under way",
  {},
  async (sshd) => {
    const server = byClient(sshd.serverConfig("production", "/"));
    await using stage = await openByClient(server);
    sshd.killSessions();

    const { message } = await assertRejects(
      () => stage.session.stat("/"),
      UnreachableError,
    );

    // Which it is depends on what ssh was about, and on which process of the server died first.
    assertMatch(
      message,
      /^Lost production: the connection broke \((?:client_loop: send disconnect|Connection to 127\.0\.0\.1 closed|ssh: exit status 255\))/,
    );
    assert(stage.session.hasEnded);
  },
);

sshdTest("an attempt over ssh can be given up", {}, async (sshd) => {
  sshd.freeze();
  const attempt = new AbortController();
  const server = byClient(sshd.serverConfig("production", "/"));

  await assertRejects(
    () =>
      openByClient(server, {}, {
        signal: attempt.signal,
        onDepth: () => attempt.abort(),
      }),
    UnreachableError,
    "the attempt was cancelled",
  );
});

Deno.test("a client that is not there is told", async () => {
  const server = byClient(serverConfig(), { client: ["/nowhere/ssh"] });

  assertEquals(await failureOf(server), {
    name: "UnusableError",
    exit: 3,
    told: "Cannot use production: /nowhere/ssh cannot be run: it is not there",
  });
});
