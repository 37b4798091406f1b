/** GSSAPI: where a company has Kerberos, relais logs in with the ticket of its account. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { userInfo } from "node:os";
import { run } from "../../build/run.ts";
import { Kerberos, kerberosAvailable } from "../../fixtures/ssh/kerberos.ts";
import { sshdAvailable } from "../../fixtures/sshd.ts";
import { makeWorld, relais, treeOf, type World } from "../../fixtures/world.ts";

const sshdConfig = `GSSAPIAuthentication yes
GSSAPIStrictAcceptorCheck no
PubkeyAuthentication no`;

Deno.test({
  name:
    "a pass over the ssh client logs in with a ticket or a keytab, and with neither ends with exit 6",
  ignore: !sshdAvailable || !kerberosAvailable(),
  async fn() {
    const user = userInfo().username;
    await using realm = await Kerberos.start(user);
    await using world = await makeWorld({
      transport: "openssh",
      sshd: { production: { config: sshdConfig, within: realm.service } },
    });
    world.write({ "a.csv": "1;2\n" });
    await world.publish();
    await byTicket(world);
    const pass = (env: Record<string, string>) =>
      relais(["--once", "--config", world.config], { env });
    const withTicket = realm.account();
    await run("kinit", ["-k", "-t", realm.keytab, user], { env: withTicket });

    const stranger = await pass(realm.account());
    const passes = [
      await pass(withTicket),
      await pass({ ...realm.account(), KRB5_CLIENT_KTNAME: realm.keytab }),
    ];

    assertEquals(stranger.code, 6, stranger.stderr);
    assertStringIncludes(stranger.stderr, "gssapi-with-mic");
    for (const { code, stderr } of passes) {
      assertEquals([code, stderr], [0, ""]);
    }
    assertEquals(treeOf(world.into)["a.csv"]?.text, "1;2\n");
  },
});

/** Has relais reach the server by the name that the realm knows it by, with no key. */
async function byTicket(
  { config, directory, production }: World,
): Promise<void> {
  const { port, knownHosts } = production.sshd;
  const sshConfig = `${directory}/ssh_config`;
  await Deno.writeTextFile(
    sshConfig,
    `Host localhost
GSSAPIAuthentication yes
HostKeyAlias [127.0.0.1]:${port}
Port ${port}
UserKnownHostsFile ${knownHosts}
`,
  );
  const text = await Deno.readTextFile(config);
  await Deno.writeTextFile(
    config,
    text.replace(/^host = .*$/m, `host = "localhost"`)
      .replace(/^ssh_config = .*$/m, `ssh_config = "${sshConfig}"`)
      .replace(/^identity = .*\n/m, ""),
  );
}
