/**
 * A company's network as it is: production, which only the bastion reaches, and
 * a backup elsewhere. No packet goes from the replica to production.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { Host, noNetworks } from "../../fixtures/network.ts";
import { relaisPath } from "../../fixtures/relais.ts";
import { type Sshd, startSshd } from "../../fixtures/sshd.ts";
import { byClient, tableOf } from "../../fixtures/transport.ts";
import {
  makeWorld,
  nimble,
  type Report,
  treeOf,
  type World,
} from "../../fixtures/world.ts";
import type { ServerConfig } from "../../lib/config/config.ts";

const at = {
  replica: "10.77.1.1",
  bastion: "10.77.1.2",
  gate: "10.77.2.1",
  production: "10.77.2.2",
  replicaAtBackup: "10.77.3.1",
  backup: "10.77.3.2",
} as const;

interface Company {
  readonly world: World;
  readonly bastion: Sshd;
  /** Runs relais on the replica. */
  readonly relais: (
    ...args: string[]
  ) => Promise<{ code: number; out: string }>;
}

/** A test in the company, whose replica reaches production as `wayOf` says. */
function companyTest(
  name: string,
  wayOf: (company: Company) => Promise<ServerConfig>,
): void {
  Deno.test({
    name,
    ignore: noNetworks() !== undefined,
    async fn() {
      await using stack = new AsyncDisposableStack();
      const make = async () => stack.use(await Host.make());
      const [replica, gate, inner, spare] = [
        ...[await make(), await make(), await make(), await make()],
      ] as [Host, Host, Host, Host];
      await replica.cable(at.replica, gate, at.bastion);
      await gate.cable(at.gate, inner, at.production);
      await replica.cable(at.replicaAtBackup, spare, at.backup);
      const bastion = stack.use(
        await startSshd({ address: at.bastion, within: gate.within }),
      );
      const world = stack.use(
        await makeWorld({
          servers: ["production", "backup"],
          transport: "ssh2",
          more: nimble,
          sshd: {
            production: { address: at.production, within: inner.within },
            backup: { address: at.backup, within: spare.within },
          },
        }),
      );
      const company: Company = {
        world,
        bastion,
        relais: (...args) => run(replica, [...args, "--config", world.config]),
      };
      await runStory(company, await wayOf(company));
    },
  });
}

async function run(on: Host, args: readonly string[]) {
  const [program, ...before] = on.within;
  const { code, stdout, stderr } = await new Deno.Command(program!, {
    args: [...before, relaisPath, ...args],
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout) + text(stderr) };
}

/** Production is copied, found unchanged, and lost with the bastion. */
async function runStory(
  { world, bastion, relais }: Company,
  production: ServerConfig,
): Promise<void> {
  for (const server of world.servers) {
    world.write({ "a.csv": "1", "b/c.csv": "2".repeat(100_000) }, server);
    await world.publish(server);
  }
  const pass = async (): Promise<Report> => {
    const { out } = await relais("--once", "--json");
    return JSON.parse(out.slice(0, out.indexOf("\n")));
  };
  const directly = await pass();
  const config = await Deno.readTextFile(world.config);
  await Deno.writeTextFile(
    world.config,
    tableOf(production) + config.slice(config.indexOf("[[server]]", 1)),
  );
  // What came from the backup need not come again, and would show nothing.
  for (const server of world.servers) {
    world.write({ "b/large.bin": "3".repeat(3_000_000) }, server);
    Deno.utimeSync(`${server.data}/b/large.bin`, 1_700_000_000, 1_700_000_000);
  }
  await world.publish(world.production);

  const first = await pass();
  const second = await pass();
  const check = await relais("check");
  await bastion.stop();
  world.write({ "d.csv": "3" }, world.backup);
  await world.publish(world.backup);
  const third = await pass();

  // Nothing but the bastion leads to production.
  assertEquals(directly.server, "backup");
  assertEquals([first.server, first.copied, first.exit], ["production", 1, 0]);
  assertEquals([second.server, second.copied, second.exit], [
    ...["production", 0, 0],
  ]);
  assertMatch(
    check.out,
    /^ok {2}way to production: \w+, through 10\.77\.1\.2:\d+, to 10\.77\.2\.2:\d+/m,
  );
  assertEquals([third.server, third.copied, third.exit], ["backup", 1, 0]);
  assertEquals(treeOf(world.into), treeOf(world.backup.root));
}

companyTest(
  "a server that only a bastion reaches is copied with jump",
  ({ world, bastion }) => {
    const { sshd, root } = world.production;
    const server = sshd.serverConfig("production", root);
    return Promise.resolve({
      ...server,
      knownHosts: [...server.knownHosts, bastion.knownHosts],
      jump: { host: at.bastion, port: bastion.port, user: server.user },
    });
  },
);

companyTest(
  "a server that only a bastion reaches is copied with the ProxyJump of ssh_config",
  async ({ world, bastion }) => {
    const { sshd, root } = world.production;
    const { user, identity } = sshd.serverConfig("production", root);
    const file = `${world.directory}/ssh_config`;
    await Deno.writeTextFile(
      file,
      `Host *
User ${user}
IdentityFile ${identity}
UserKnownHostsFile ${sshd.knownHosts} ${bastion.knownHosts}
StrictHostKeyChecking yes
Host production
HostName ${at.production}
Port ${sshd.port}
ProxyJump ${at.bastion}:${bastion.port}
`,
    );
    return byClient(
      {
        ...sshd.serverConfig("production", root),
        host: "production",
        identity: null,
        knownHosts: [],
      },
      { config: file, port: null, user: null },
    );
  },
);
