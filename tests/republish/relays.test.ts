import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Doomed } from "../../fixtures/kill/process.ts";
import type { Link } from "../../fixtures/link.ts";
import { noise } from "../../fixtures/noise.ts";
import { came, listIn, ReplicaTree } from "../../fixtures/replica-tree.ts";
import { until } from "../../fixtures/until.ts";
import {
  nimble,
  treeOf,
  type World,
  type WorldServer,
} from "../../fixtures/world.ts";

Deno.test("a leaf never goes back when its relay fails over to a backup that lags, and nothing vanishes", async () => {
  await using tree = new ReplicaTree();
  const production = await tree.server("production");
  const backup = await tree.server("backup");
  const options = {
    replica: `delete = "remove"\nmax_delete = "100%"`,
    more: nimble,
  };
  const { world: relay, server } = await tree.relay(
    "relay",
    [production, backup],
    options,
  );
  const leaf = tree.replica("leaf", [server], options);
  const replicate = (name: string, text: string, server: WorldServer) => {
    relay.write({ [name]: text }, server);
    Deno.utimeSync(`${server.data}/${name}`, 1_700_000_000, 1_700_000_000);
  };
  for (const server of [production, backup]) {
    replicate("old.csv", "both\n", server);
    replicate("lags.csv", "earlier\n", server);
    await relay.publish(server);
  }
  // Restored from a tape: dates alone would say that the backup has the newer one.
  relay.write({ "lags.csv": "newer\n", "new.csv": "1\n" }, production);
  Deno.utimeSync(
    `${production.data}/lags.csv`,
    1_600_000_000,
    1_600_000_000,
  );
  await relay.publish();
  await relay.pass();
  await leaf.pass();
  const all = treeOf(leaf.into);

  await production.sshd.stop();
  const lost = [await relay.pass(), await leaf.pass()].map(came);
  const kept = treeOf(leaf.into);
  relay.write({ "work.csv": "on the backup\n" }, backup);
  await relay.publish(backup);
  const worked = [await relay.pass(), await leaf.pass()].map(came);
  await production.sshd.start();
  const back = [await relay.pass(), await leaf.pass()].map(came);
  // Whoever replicates the other way brings it home.
  relay.write({ "work.csv": "on the backup\n" }, production);
  await relay.publish();
  const home = [await relay.pass(), await leaf.pass()].map(came);

  const nothing = { copied: 0, removed: 0, exit: 0 };
  const one = { ...nothing, copied: 1 };
  assertEquals(lost, [nothing, nothing]);
  assertEquals(kept, all);
  assertEquals(worked, [one, one]);
  assertEquals(back, [nothing, nothing]);
  assertEquals(home.map(({ removed, exit }) => [removed, exit]), [[0, 0], [
    0,
    0,
  ]]);
  assertEquals(treeOf(leaf.into)["lags.csv"]!.text, "newer\n");
  assertEquals(Object.keys(treeOf(leaf.into)).sort(), [
    "lags.csv",
    "new.csv",
    "old.csv",
    "work.csv",
  ]);
  assertEquals(listIn(relay.into), listIn(production.root));
});

Deno.test("two replicas that feed each other are found, and the one that another server feeds goes on with that", async () => {
  await using tree = new ReplicaTree();
  const production = await tree.server("production");
  // Each is a server of the other: one of them is told so when both are there.
  const feeding: WorldServer[] = [];
  const { world: b, server: asServer } = await tree.relay("b", feeding, {
    more: nimble,
  });
  const { world: a, server } = await tree.relay("a", [production, asServer], {
    more: nimble,
  });
  feeding.push(server);
  b.configure();
  a.write({ "a.csv": "1\n" }, production);
  await a.publish();

  const fed = [await a.pass(), await b.pass(), await a.pass()].map(came);
  const told = await a.relais("status");
  const check = await a.relais("check");
  await production.sshd.stop();
  const cut = [await a.pass(), await a.pass(), await b.pass()];
  await production.sshd.start();
  a.write({ "a.csv": "again\n" }, production);
  await a.publish();
  const again = [await a.pass(), await b.pass()].map(came);

  const nothing = { copied: 0, removed: 0, exit: 0 };
  assertEquals(fed, [{ ...nothing, copied: 1 }, { ...nothing, copied: 1 }, {
    ...nothing,
  }]);
  const refusal =
    "Refused b: it is a replica that takes its files from this one";
  assertStringIncludes(told.stdout, refusal);
  assertStringIncludes(check.stdout, refusal);
  assertEquals(cut.map(({ server, exit }) => [server, exit]), [
    [null, 3],
    [null, 3],
    ["a", 0],
  ]);
  assertEquals(again, [{ ...nothing, copied: 1 }, { ...nothing, copied: 1 }]);
});

Deno.test("two relays may name each other: one of them takes its files from the other when only that one has a server", async () => {
  await using tree = new ReplicaTree();
  const production = await tree.server("production");
  const servers: Record<string, WorldServer[]> = {
    north: [production],
    south: [production],
  };
  const [north, south] = [
    await tree.relay("north", servers.north!, { more: nimble }),
    await tree.relay("south", servers.south!, { more: nimble }),
  ];
  servers.north!.push(south.server);
  servers.south!.push(north.server);
  await using link = north.world.link(production);
  south.world.configure();
  north.world.write({ "a.csv": "1\n" }, production);
  await north.world.publish();
  const passes = async () =>
    [
      await north.world.pass(),
      await south.world.pass(),
      await north.world.pass(),
    ].map(({ server, exit }) => [server, exit]);

  const all = await passes();
  link.downAfter(0, "up");
  const cut = await passes();
  await production.sshd.stop();
  const gone = await passes();
  await production.sshd.start();
  const again = await passes();

  assertEquals(all, [["production", 0], ["production", 0], ["production", 0]]);
  assertEquals(cut, [["south", 0], ["production", 0], ["south", 0]]);
  // South has no server: north takes from it, and it from nobody.
  assertEquals(gone, [["south", 0], [null, 3], ["south", 0]]);
  assertEquals(again, [["south", 0], ["production", 0], ["south", 0]]);
});

Deno.test("a large file crosses each wire once, whichever relay is lost on the way and whoever is killed", async () => {
  const size = 20_000_000;
  /** What was sent when one end was lost, and all that is not the file: far less than half of it. */
  const underWay = 8_000_000;
  await using tree = new ReplicaTree();
  const production = await tree.server("production");
  const relays = [
    await tree.relay("north", [production], { more: nimble }),
    await tree.relay("south", [production], { more: nimble }),
  ];
  const [north, south] = relays.map(({ world }) => world) as [World, World];
  const leaf = tree.replica("leaf", relays.map(({ server }) => server), {
    more: nimble,
  });
  const bytesPerSecond = 8_000_000;
  await using toNorth = north.link(production, { bytesPerSecond });
  await using fromNorth = leaf.link(relays[0]!.server, { bytesPerSecond });
  await using fromSouth = leaf.link(relays[1]!.server, { bytesPerSecond });
  const links = [fromNorth, fromSouth];
  Deno.writeFileSync(`${production.data}/large`, noise(size));
  await north.publish();
  const half = async (world: World, links: readonly Link[]) => {
    const pass = Doomed.start(["--once", "--config", world.config]);
    await until(() => carried(links) > size / 2);
    return pass;
  };

  const killed = await half(north, [toNorth]);
  killed.signal("SIGKILL");
  await killed.ended();
  assertEquals(await north.pass().then(came), {
    copied: 1,
    removed: 0,
    exit: 0,
  });
  await south.pass();
  const left = await half(leaf, links);
  await relays[0]!.server.sshd.stop();
  const { code, stderr } = await left.ended();

  assertEquals(code, 0, stderr);
  assertEquals(treeOf(leaf.into), treeOf(production.root));
  assert(carried([toNorth]) < size + underWay, `${carried([toNorth])}`);
  assert(carried(links) < size + underWay, `${carried(links)}`);
});

function carried(links: readonly Link[]): number {
  return links.reduce((sum, { carried: { down } }) => sum + down, 0);
}
