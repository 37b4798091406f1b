import { assert, assertEquals, assertNotMatch } from "@std/assert";
import { serverConfig } from "../../fixtures/ssh/server-config.ts";
import { freePort, sshdAvailable, startSshd } from "../../fixtures/sshd.ts";
import { sessionWith } from "../../fixtures/ssh/session-in-worker.ts";
import type { ServerConfig } from "../../lib/config/config.ts";
import { sessionPermissions } from "../../lib/ssh/permissions.ts";

/** A test with an sshd that has one file to show. */
function sshdTest(
  name: string,
  run: (server: ServerConfig) => Promise<void>,
): void {
  Deno.test({
    name,
    ignore: !sshdAvailable,
    async fn() {
      await using sshd = await startSshd();
      const root = await Deno.makeTempDir();
      await Deno.writeTextFile(`${root}/a`, "hello");
      await run(sshd.serverConfig("production", root));
      await Deno.remove(root, { recursive: true });
    },
  });
}

const server = serverConfig({
  host: "192.0.2.10",
  port: 2222,
  identity: "/etc/relais/id_ed25519",
  knownHosts: ["/etc/relais/known_hosts"],
});

Deno.test("sessionPermissions() are an address, a key and known_hosts", () => {
  assertEquals(sessionPermissions([server]), {
    net: ["192.0.2.10:2222"],
    read: [
      "/etc/relais/id_ed25519",
      "/etc/relais/id_ed25519-cert.pub",
      "/etc/relais/known_hosts",
    ],
    write: [],
    env: false,
  });
});

Deno.test("sessionPermissions() put an IPv6 address in brackets", () => {
  const { net } = sessionPermissions([{ ...server, host: "2001:db8::10" }]);

  assertEquals(net, ["[2001:db8::10]:2222"]);
});

Deno.test("sessionPermissions() reach a jump host in place of the server behind it", () => {
  const jump = { host: "bastion.example", port: 22, user: "relais" };
  const { net } = sessionPermissions([{ ...server, jump }]);

  assertEquals(net, ["bastion.example:22"]);
});

sshdTest(
  "sessionPermissions() are enough for a session in a worker",
  async (server) => {
    assertEquals(await sessionWith(sessionPermissions([server]), server), {
      names: ["a"],
    });
  },
);

sshdTest("sessionPermissions() are all needed", async (server) => {
  const { net, read } = sessionPermissions([server]);
  const elsewhere = [`127.0.0.1:${freePort()}`];
  const tooFew: Deno.PermissionOptionsObject[] = [
    { net: net! },
    { read: read! },
    { net: elsewhere, read: read! },
  ];
  for (const permissions of tooFew) {
    assert("failure" in await sessionWith(permissions, server));
  }
});

for (const host of ["localhost", "::1"]) {
  sshdTest(`sessionPermissions() let a worker reach ${host}`, async (sshd) => {
    const server = { ...sshd, host };
    const outcome = await sessionWith(sessionPermissions([server]), server);

    // Whether anybody answers there, and is known, is another matter.
    assert("failure" in outcome);
    assertNotMatch(outcome.failure, /Requires net access/);
  });
}
