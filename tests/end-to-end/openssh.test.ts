/** What is particular of `transport = "openssh"`; what both transports have in common, `deno task test:openssh` runs over it. */

import {
  assertEquals,
  assertLess,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { knowOtherKey } from "../../fixtures/ssh/known-key.ts";
import { sshdAvailable } from "../../fixtures/sshd.ts";
import { until } from "../../fixtures/until.ts";
import {
  makeWorld,
  nimble,
  runMeasured,
  spawnRelais,
  treeOf,
  type World,
  type WorldOptions,
  type WorldServer,
} from "../../fixtures/world.ts";

/** A test with a world whose servers are reached by ssh. */
function opensshTest(
  name: string,
  options: WorldOptions,
  run: (world: World) => Promise<void>,
): void {
  Deno.test({
    name,
    ignore: !sshdAvailable,
    async fn() {
      await using world = await makeWorld({ transport: "openssh", ...options });
      await run(world);
    },
  });
}

/** Lets a script stand for ssh, with the path of a file to note things in as `$NOTES`. */
async function standIn(world: World, script: string): Promise<string> {
  const notes = `${world.directory}/notes`;
  const client = `${world.directory}/ssh`;
  await Deno.writeTextFile(
    client,
    `#!/bin/sh\nNOTES=${notes}\n${script}\n`,
    { mode: 0o755 },
  );
  const config = await Deno.readTextFile(world.config);
  await Deno.writeTextFile(
    world.config,
    config.replaceAll(/^ssh = .*/gm, `ssh = ["${client}"]`),
  );
  return notes;
}

/** The processes that a script has noted, and that still run. */
function left(notes: string): number[] {
  const pids = Deno.readTextFileSync(notes).trim().split("\n").map(Number);
  return pids.filter((pid) => {
    try {
      const status = Deno.readTextFileSync(`/proc/${pid}/status`);
      return !/^State:\s+Z/m.test(status);
    } catch {
      return false;
    }
  });
}

opensshTest(
  "a pass over ssh makes the replica the same as the export, and the next one copies nothing",
  {},
  async (world) => {
    world.write({ "a.csv": "1", "b/c.csv": "x".repeat(300_000) });
    await world.publish();

    const first = await world.pass();
    const second = await world.pass();

    assertEquals([first.exit, first.copied], [0, 2]);
    assertEquals([second.exit, second.copied, second.seen], [0, 0, 0]);
    assertEquals(treeOf(world.into), treeOf(world.production.root));
  },
);

opensshTest(
  "a pass over ssh takes its files from backup while production is down",
  {
    servers: ["production", "backup"],
    more: nimble,
  },
  async (world) => {
    for (const server of world.servers) {
      world.write({ "a.csv": "1" }, server);
      await world.publish(server);
    }
    await world.pass();
    await world.production.sshd.stop();
    world.write({ "b.csv": "2" }, world.backup);
    await world.publish(world.backup);

    const { server, exit, copied } = await world.pass();

    assertEquals([server, exit, copied], ["backup", 0, 1]);
  },
);

opensshTest("one server over ssh and one without serve side by side", {
  servers: ["production", "backup"],
  more: nimble,
}, async (world) => {
  for (const server of world.servers) {
    world.write({ "a.csv": "1" }, server);
    await world.publish(server);
  }
  const config = await Deno.readTextFile(world.config);
  await Deno.writeTextFile(
    world.config,
    config.replace(/^transport = .*\nssh = .*\nssh_config = .*\n/m, ""),
  );

  const servers: (string | null)[] = [(await world.pass()).server];
  await world.production.sshd.stop();
  servers.push((await world.pass()).server);

  assertEquals(servers, ["production", "backup"]);
});

opensshTest(
  "a server whose host key ssh does not know is told with exit 6, in the words of ssh",
  {},
  async (world) => {
    world.write({ "a.csv": "1" });
    await world.publish();
    const { sshd } = world.production;
    await knowOtherKey(sshd);

    const { code, stderr } = await world.relais("--once");

    assertEquals(code, 6);
    assertMatch(stderr, /Host key for .* has changed/);
    assertEquals(sshd.log.includes("publickey"), false);
  },
);

for (
  const [limit, more] of [
    ["limits.connect", '[limits]\nconnect = "2s"'],
    [
      "probe.timeout",
      '[probe]\ntimeout = "2s"\n[limits]\nconnect = "1h"',
    ],
  ] as const
) {
  opensshTest(
    `a client that hangs costs a pass ${limit}, and is gone with all it has started`,
    { more },
    async (world) => {
      const notes = await standIn(
        world,
        "trap '' TERM\necho $$ >>$NOTES\nsleep 1000 &\necho $! >>$NOTES\nwhile :; do sleep 1000; done",
      );

      const { code, stderr } = await world.relais("--once");

      assertEquals(code, 3);
      assertStringIncludes(stderr, "no answer within 2 s");
      await until(() => left(notes).length === 0);
    },
  );
}

/** Notes this process, and one that it leaves behind. */
const fork = "echo $$ >>$NOTES\nsleep 1000 &\necho $! >>$NOTES";

for (
  const [what, script] of [
    ["prints text without end", `${fork}\nyes welcome`],
    ["sends zeros without end", `${fork}\nexec cat /dev/zero`],
    [
      "floods stderr with 1 GB",
      `${fork}\nyes error: all is lost | head -c 1000000000 >&2`,
    ],
    ["leaves a process behind", `${fork}\nexit 0`],
    ["closes its output and stays", `exec >&-\n${fork}\nsleep 1000`],
  ] as const
) {
  opensshTest(
    `a client that ${what} costs a pass little memory and exit 3, and is gone with all it has started`,
    { more: '[limits]\nconnect = "3s"' },
    async (world) => {
      const notes = await standIn(world, script);

      const { code, peakBytes } = await runMeasured(
        ["--once", "--config", world.config],
      );

      assertEquals(code, 3);
      assertLess(peakBytes, 400 * 2 ** 20);
      await until(() => left(notes).length === 0);
    },
  );
}

opensshTest(
  "a client that does not do what it should leaves the other servers to serve",
  { servers: ["production", "backup"], more: nimble },
  async (world) => {
    for (const server of world.servers) {
      world.write({ "a.csv": "1" }, server);
      await world.publish(server);
    }
    const before = await Deno.readTextFile(world.config);
    const notes = await standIn(world, `${fork}\nyes welcome`);
    const changed = await Deno.readTextFile(world.config);
    // Of the backup it is ssh as before.
    const [second] = before.split("[[server]]").slice(2);
    const [first] = changed.split("[[server]]").slice(1);
    await Deno.writeTextFile(
      world.config,
      `[[server]]${first}[[server]]${second}`,
    );

    const { server, copied, exit } = await world.pass();

    assertEquals([server, copied, exit], ["backup", 1, 0]);
    await until(() => left(notes).length === 0);
  },
);

for (const signal of ["SIGTERM", "SIGKILL"] as const) {
  opensshTest(
    `relais leaves no ssh behind when ${signal} ends it`,
    {},
    async (world) => {
      world.write({ "a.csv": "x".repeat(2_000_000) });
      await world.publish();
      const notes = await standIn(
        world,
        'echo $$ >>$NOTES\nexec /usr/bin/ssh "$@"',
      );
      const child = spawnRelais(["--config", world.config]);
      await until(() => left(notes).length > 0);

      child.kill(signal);

      await child.status;
      await until(() => left(notes).length === 0);
    },
  );
}

opensshTest(
  "passes end, and the next one needs no login, where ssh_config lets a connection outlive its client",
  {},
  async (world) => {
    const file = `${world.directory}/ssh_config`;
    const control = `${world.directory}/control`;
    await Deno.writeTextFile(
      file,
      `ControlMaster auto\nControlPath ${control}\nControlPersist 5m\n`,
    );
    const config = await Deno.readTextFile(world.config);
    await Deno.writeTextFile(world.config, config.replace("/dev/null", file));
    const passes = [];
    try {
      for (const text of ["1", "22"]) {
        world.write({ "a.csv": text });
        await world.publish();
        passes.push(await world.pass());
      }
    } finally {
      await new Deno.Command("ssh", {
        args: ["-O", "exit", "-o", `ControlPath=${control}`, "server"],
      }).output();
    }

    assertEquals(
      passes.map(({ exit, copied }) => [exit, copied]),
      [[0, 1], [0, 1]],
    );
    const { log } = world.production.sshd;
    assertEquals(log.match(/Accepted publickey/g)?.length, 1, log);
  },
);

opensshTest(
  "relais check tells that there is no such ssh, and what else ssh needs",
  {},
  async (world) => {
    const config = await Deno.readTextFile(world.config);
    await Deno.writeTextFile(
      world.config,
      config.replace("/dev/null", `${world.directory}/ssh_config`)
        .replace("/usr/bin/ssh", "/nowhere/ssh"),
    );

    const { code, stdout } = await world.relais("check");

    assertEquals(code, 2);
    assertStringIncludes(
      stdout,
      "FAILED  ssh: /nowhere/ssh is not a program that this account may run",
    );
    assertMatch(stdout, /FAILED {2}ssh_config: No such file or directory/);
  },
);

opensshTest(
  "relais check names the command that shows what ssh would ask",
  {},
  async (world) => {
    const { directory } = world.production.sshd;
    await new Deno.Command("ssh-keygen", {
      args: [
        ...["-q", "-p", "-N", "a secret"],
        ...["-f", `${directory}/identity`],
      ],
    }).output();

    const { code, stdout } = await world.relais("check");

    assertEquals(code, 6);
    assertMatch(
      stdout,
      /^FAILED {2}server production: Cannot log in to production .*: Permission denied \(publickey\); run "\/usr\/bin\/ssh -F \/dev\/null .* -v -s 127\.0\.0\.1 sftp" as the account of relais, .*ssh-add/m,
    );
  },
);

opensshTest(
  "relais check tells the way to each server, and a bastion whose key ssh need not know",
  {
    servers: ["bastion", "production"],
  },
  async (world) => {
    const [bastion, production] = world.servers as [WorldServer, WorldServer];
    const file = `${world.directory}/ssh_config`;
    const identity = `${production.sshd.directory}/identity`;
    await Deno.writeTextFile(
      file,
      `Host 127.0.0.1
ProxyJump gate
Host gate
HostName 127.0.0.1
Port ${bastion.sshd.port}
IdentityFile ${identity}
UserKnownHostsFile ${bastion.sshd.knownHosts}
StrictHostKeyChecking accept-new
`,
    );
    world.write({ "a.csv": "1" }, production);
    await world.publish(production);
    const [first, second] = (await Deno.readTextFile(world.config))
      .split(/^(?=\[\[server\]\])/m).filter((part) => part.trim() !== "");
    await Deno.writeTextFile(
      world.config,
      `${first}${second!.replace("/dev/null", file)}`,
    );

    const { stdout } = await world.relais("check");

    const key = await production.sshd.hostKey();
    const ports = [bastion, production].map(({ sshd }) => sshd.port);
    assertStringIncludes(
      stdout,
      `ok  way to production: openssh, through 127.0.0.1:${
        ports[0]
      }, to 127.0.0.1:${
        ports[1]
      }, host key ssh-ed25519 ${key}, cipher chacha20-poly1305@openssh.com\n`,
    );
    assertStringIncludes(
      stdout,
      'warning  way to production: ssh takes any new key of gate for the right one; set "StrictHostKeyChecking yes" for it in ssh_config\n',
    );
  },
);
