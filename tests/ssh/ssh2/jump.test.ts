import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { knowOtherKey } from "../../../fixtures/ssh/known-key.ts";
import { limits } from "../../../fixtures/ssh/limits.ts";
import { bastionTest, type Way } from "../../../fixtures/ssh/sshd-test.ts";
import {
  freePort,
  type Sshd,
  type SshdOptions,
} from "../../../fixtures/sshd.ts";
import { until } from "../../../fixtures/until.ts";
import type { LimitsConfig, ServerConfig } from "../../../lib/config/config.ts";
import { RelaisError, UnreachableError } from "../../../lib/errors.ts";
import { connect } from "../../../lib/ssh/ssh2/connect.ts";

/** A test with a server that is reached through another one. */
function jumpTest(
  name: string,
  run: (way: Way) => Promise<void>,
  options: SshdOptions = {},
): void {
  bastionTest(name, { lead: serverBehind, ...options }, run);
}

function serverBehind(bastion: Sshd, sshd: Sshd): ServerConfig {
  const server = sshd.serverConfig("production", sshd.directory);
  return {
    ...server,
    knownHosts: [...server.knownHosts, bastion.knownHosts],
    jump: { host: "127.0.0.1", port: bastion.port, user: server.user },
  };
}

/** How connecting fails, without what differs from run to run. */
async function failureOf(
  { server, bastion }: Pick<Way, "server" | "bastion">,
  some: Partial<LimitsConfig> = {},
): Promise<{ name: string; exit: number; told: string }> {
  const { name, exitStatus, message } = await assertRejects(
    () => connect(server, limits(some)),
    RelaisError,
  );
  return {
    name,
    exit: exitStatus,
    told: message.replaceAll(String(server.port), "PORT")
      .replaceAll(String(bastion.port), "BASTION")
      .replaceAll(server.user, "USER").replaceAll(server.identity!, "KEY")
      .replaceAll(/SHA256:[A-Za-z0-9+/]{43}/g, "FINGERPRINT"),
  };
}

jumpTest(
  "connect() goes through a jump host, and leaves nothing open on either",
  async ({ sshd, bastion, server }) => {
    const contents = crypto.getRandomValues(new Uint8Array(60_000));
    await Deno.writeFile(`${sshd.directory}/a`, contents);

    const session = await connect(server, limits());
    const handle = await session.open(`${sshd.directory}/a`);
    const pieces = await Promise.all(
      Array.from({ length: 200 }, () => session.read(handle, 0, 60_000)),
    );
    const { received } = session.wireBytes;
    const { hostKey, ...terms } = session.terms;
    await session.end();

    assertEquals(pieces.every((piece) => piece.length === 60_000), true);
    assertEquals(pieces.at(-1), contents);
    assertEquals(session.maxRead, 255 * 1024);
    assertEquals(hostKey, `ssh-ed25519 ${await sshd.hostKey()}`);
    assertEquals(terms, {
      transport: "ssh2",
      way: [bastion, sshd].map(({ port }) => `127.0.0.1:${port}`),
      cipher: "chacha20-poly1305@openssh.com",
      weak: [],
    });
    assert(received > 200 * 60_000);
    const ended = ({ log }: Sshd) => /Disconnected from user/.test(log);
    await until(() => ended(sshd) && ended(bastion));
  },
);

jumpTest(
  "a jump host whose key is another one is told, and shown no key of ours",
  async (way) => {
    await knowOtherKey(way.bastion);

    assertEquals(await failureOf(way), {
      name: "HostKeyError",
      exit: 6,
      told:
        "Cannot trust the jump host of production (127.0.0.1:BASTION): its host key is not the one in known_hosts: expected FINGERPRINT, got FINGERPRINT",
    });
    assertEquals(/publickey/.test(way.bastion.log), false);
    assertEquals(/Connection from/.test(way.sshd.log), false);
  },
);

jumpTest(
  "a server behind a jump host whose key is another one is shown no key of ours",
  async (way) => {
    await knowOtherKey(way.sshd);

    assertEquals(await failureOf(way), {
      name: "HostKeyError",
      exit: 6,
      told:
        "Cannot trust production (127.0.0.1:PORT): its host key is not the one in known_hosts: expected FINGERPRINT, got FINGERPRINT",
    });
    assertEquals(/publickey/.test(way.sshd.log), false);
    // From here it could not be scanned.
    const { hint } = await assertRejects(
      () => connect(way.server, limits()),
      RelaisError,
    );
    const { user, port, knownHosts } = way.server;
    assertStringIncludes(
      hint!,
      `"ssh -p ${way.bastion.port} ${user}@127.0.0.1 ssh-keyscan -p ${port} 127.0.0.1 >> ${
        knownHosts[0]
      }"`,
    );
  },
);

jumpTest(
  "a pinned key is that of the server, and not of its jump host",
  async (way) => {
    const hostKeys = [await way.sshd.hostKey()];
    const pinned = { ...way.server, hostKeys };
    const known = { ...pinned, knownHosts: [way.bastion.knownHosts] };
    const unknown = { ...pinned, knownHosts: [way.sshd.knownHosts] };

    const session = await connect(known, limits());
    await session.end();

    const { told } = await failureOf({ ...way, server: unknown });
    assertEquals(
      told,
      "Cannot trust the jump host of production (127.0.0.1:BASTION): its host key FINGERPRINT is not in known_hosts",
    );
  },
);

jumpTest("a jump host that does not let us in is told", async (way) => {
  await Deno.writeTextFile(`${way.bastion.directory}/authorized_keys`, "");

  assertEquals(await failureOf(way), {
    name: "AuthenticationError",
    exit: 6,
    told:
      "Cannot log in to the jump host of production (127.0.0.1:BASTION) as USER: the server does not accept the key KEY (FINGERPRINT)",
  });
});

jumpTest("a jump host that forbids to go on is told", async (way) => {
  assertEquals(await failureOf(way), {
    name: "UnusableError",
    exit: 3,
    told:
      "Cannot reach production (127.0.0.1:PORT): its jump host 127.0.0.1:BASTION forbids to go on from there",
  });
}, { config: "AllowTcpForwarding no" });

jumpTest(
  "a jump host needs to allow nothing but this",
  async ({ sshd, server }) => {
    const session = await connect(server, limits());
    assertEquals((await session.stat(sshd.directory)).kind, "directory");
    await session.end();
  },
  {
    config: "AllowTcpForwarding local\nForceCommand /usr/sbin/nologin\n" +
      "PermitTTY no\nAllowAgentForwarding no\nX11Forwarding no",
  },
);

jumpTest("a server that its jump host does not reach is told", async (way) => {
  const server = { ...way.server, port: freePort() };

  assertEquals(await failureOf({ ...way, server }), {
    name: "UnreachableError",
    exit: 3,
    told:
      "Cannot reach production (127.0.0.1:PORT) from its jump host 127.0.0.1:BASTION ((SSH) Channel open failure: Connection refused)",
  });
});

jumpTest("each hop has time limits of its own", async (way) => {
  way.sshd.freeze();
  const behind = await failureOf(way, { handshakeMs: 2_000 });
  way.bastion.freeze();
  const before = await failureOf(way, { handshakeMs: 300 });

  assertEquals([behind.told, before.told], [
    "Cannot reach production (127.0.0.1:PORT): no SSH banner within 2 s",
    "Cannot reach the jump host of production (127.0.0.1:BASTION): no SSH banner within 0.3 s",
  ]);
});

jumpTest("a session ends with its jump host", async ({ bastion, server }) => {
  await using session = await connect(server, limits());
  bastion.killSessions();

  await assertRejects(() => session.stat("/"), UnreachableError, "Lost ");

  assert(session.hasEnded);
});

jumpTest(
  "an attempt through a jump host can be given up at any time",
  async (way) => {
    for (const ms of [0, 20, 40, 60, 80, 120, 160]) {
      const attempt = connect(way.server, limits(), {
        signal: AbortSignal.timeout(ms),
      });
      // The fastest ones may have come through.
      await attempt.then((session) => session.end(), (error) => {
        if (!(error instanceof UnreachableError)) throw error;
      });
    }

    await until(() => way.sshd.sessions === 0 && way.bastion.sessions === 0);
  },
);
