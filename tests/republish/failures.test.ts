/**
 * What failures of servers and relays do to those who read from a relay, as
 * docs/tree-of-replicas.md tells.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { canMount, TmpfsDisk } from "../../fixtures/disk.ts";
import { noise } from "../../fixtures/noise.ts";
import { listIn, ReplicaTree } from "../../fixtures/replica-tree.ts";
import {
  nimble,
  type Report,
  treeOf,
  type WorldServer,
} from "../../fixtures/world.ts";

function came({ copied, removed, exit }: Report) {
  return { copied, removed, exit };
}

Deno.test("relays that feed each other in a ring are found", async () => {
  await using tree = new ReplicaTree();
  const production = await tree.server("production");
  const more = nimble;
  // Each is told of the one before it when all are there.
  const servers: WorldServer[][] = [[production], [], []];
  const [a, b, c] = [
    await tree.relay("a", servers[0]!, { more }),
    await tree.relay("b", servers[1]!, { more }),
    await tree.relay("c", servers[2]!, { more }),
  ];
  servers[0]!.push(c.server);
  servers[1]!.push(a.server);
  servers[2]!.push(b.server);
  const relays = [a, b, c].map(({ world }) => world);
  for (const world of relays) world.configure();
  relays[0]!.write({ "a.csv": "1\n" }, production);
  await relays[0]!.publish();
  const exits = async () => {
    const all: Report["exit"][] = [];
    for (const world of relays) all.push((await world.pass()).exit);
    return all;
  };

  const fed = [await exits(), await exits()];
  const check = await relays[0]!.relais("check");
  await production.sshd.stop();
  const cut = [await exits(), await exits()];
  const { server } = await relays[0]!.pass();

  assertEquals(fed, [[0, 0, 0], [0, 0, 0]]);
  assertStringIncludes(
    check.stdout,
    "Refused c: it is a replica that takes its files from this one, by way of another one",
  );
  assertEquals(cut, [[3, 0, 0], [3, 0, 0]]);
  assertEquals(server, null);
});

Deno.test("what is withdrawn by mistake stops each replica, relay or not, and the lines are passed on", async () => {
  await using tree = new ReplicaTree();
  const production = await tree.server("production");
  const options = {
    replica: `delete = "remove"\nmax_delete = 1`,
    more: nimble,
  };
  const { world: relay, server } = await tree.relay(
    "relay",
    [production],
    options,
  );
  const leaf = tree.replica("leaf", [server], options);
  const names = ["a.csv", "b.csv", "c.csv", "d.csv"];
  relay.write(
    Object.fromEntries(names.map((name) => [name, "1\n"])),
    production,
  );
  await relay.publish();
  const first = [await relay.pass(), await leaf.pass()].map(came);
  for (const name of names.slice(1)) {
    Deno.removeSync(`${production.data}/${name}`);
  }
  await relay.publish();

  const refused = [await relay.pass(), await leaf.pass()].map(came);
  const kept = [relay, leaf].map(({ into }) =>
    Object.keys(treeOf(into)).sort()
  );
  const lists = [listIn(relay.into), listIn(production.root)];
  const accepted = [relay, leaf].map((world) => world.pass("--accept-shrink"));

  assertEquals(first.map(({ copied, exit }) => [copied, exit]), [
    [4, 0],
    [4, 0],
  ]);
  const stopped = { copied: 0, removed: 0, exit: 5 };
  assertEquals(refused, [stopped, stopped]);
  assertEquals(kept, [names, names]);
  assertEquals(lists[0], lists[1]);
  assertEquals((await Promise.all(accepted)).map(came), [
    { copied: 0, removed: 3, exit: 0 },
    { copied: 0, removed: 3, exit: 0 },
  ]);
});

Deno.test("a relay whose copy was lost says so and copies everything again when it is told to, and a site takes its files from the other one meanwhile", async () => {
  await using tree = new ReplicaTree();
  const production = await tree.server("production");
  const more = nimble;
  const [north, south] = [
    await tree.relay("north", [production], { more }),
    await tree.relay("south", [production], { more }),
  ];
  const leaf = tree.replica("leaf", [north.server, south.server], {
    ...{ more, replica: `delete = "remove"\nmax_delete = "100%"` },
  });
  north.world.write({ "a.csv": "1\n", "b.csv": "2\n" }, production);
  await north.world.publish();
  for (const world of [north.world, south.world, leaf]) await world.pass();
  const all = treeOf(leaf.into);

  await north.world.end();
  const { into } = north.world;
  for (const { name } of Deno.readDirSync(into)) {
    Deno.removeSync(`${into}/${name}`, { recursive: true });
  }
  const lost = await leaf.pass();
  const refused = await north.world.pass();
  const repaired = await north.world.relais("verify", "--repair");
  const after = await leaf.pass();

  assertEquals([lost.server, lost.exit], ["south", 0]);
  assertEquals(refused.exit, 4);
  assertEquals(repaired.code, 0, repaired.stderr);
  assertEquals(listIn(into), listIn(production.root));
  assertEquals([after.copied, after.exit], [0, 0]);
  assertEquals(treeOf(leaf.into), all);
});

Deno.test("a site leaves a relay that has had no server for longer than max_age, and goes back to it", async () => {
  await using tree = new ReplicaTree();
  const production = await tree.server("production");
  const [north, south] = [
    await tree.relay("north", [production], { more: nimble }),
    await tree.relay("south", [production], { more: nimble }),
  ];
  await using link = north.world.link(production);
  const leaf = tree.replica("leaf", [north.server, south.server], {
    more: `${nimble}\nmax_age = "1h"`,
  });
  const beat = (hours: number) => {
    const date = Math.floor(Date.now() / 1_000) - hours * 3_600;
    Deno.utimeSync(`${production.root}/.relais/list`, date, date);
  };
  const passes = async () => {
    for (const { world } of [north, south]) await world.pass();
    const { server, exit } = await leaf.pass();
    return [server, exit];
  };
  north.world.write({ "a.csv": "1\n" }, production);
  await north.world.publish();
  beat(2);
  const old = await passes();

  // From here on north learns of nothing any more.
  link.downAfter(0, "up");
  beat(0);
  const left = await passes();
  link.mend();
  const back = await passes();

  // None is fresh, and an old one is better than none.
  assertEquals(old, ["north", 3]);
  assertEquals(left, ["south", 0]);
  assertEquals(back, ["north", 0]);
});

Deno.test({
  name:
    "a relay whose disk is full shows what fits, and no later date than it has files of",
  ignore: !canMount(),
  async fn() {
    await using tree = new ReplicaTree();
    const production = await tree.server("production");
    const { world: relay, server } = await tree.relay("relay", [production], {
      resident: false,
    });
    // A session that is kept would keep the disk.
    const leaf = tree.replica("leaf", [server], { resident: false });
    Deno.mkdirSync(relay.into, { recursive: true });
    using disk = new TmpfsDisk(relay.into, "size=12m");
    relay.write({ "a.csv": "1\n" }, production);
    await relay.publish();
    assertEquals((await relay.pass()).exit, 0);
    for (let number = 0; number < 16; number++) {
      const path = `${production.data}/${number}`;
      Deno.writeFileSync(path, noise(1024 * 1024));
    }
    await relay.publish();
    const published = Math.floor(Date.now() / 1_000);
    const later = published + 600;
    Deno.utimeSync(`${production.root}/.relais/list`, later, later);

    const { exit, errors } = await relay.pass();
    const list = listIn(relay.into);
    const { mtime } = Deno.statSync(`${relay.into}/.relais/list`);
    const fromFull = await leaf.pass();
    disk.remount("size=64m");
    const after = [await relay.pass(), await leaf.pass()].map(came);

    assertEquals(exit, 4, errors.join());
    const whole = listIn(production.root);
    assert(whole.startsWith(list) && list.length < whole.length, list);
    assert(mtime!.getTime() / 1_000 <= published, `${mtime}`);
    const fits = list.match(/^\d+\t/gm)!.length;
    assertEquals([fromFull.exit, fromFull.copied], [0, fits]);
    const rest = { copied: 17 - fits, removed: 0, exit: 0 };
    assertEquals(after[1], rest);
    assertEquals(listIn(relay.into), whole);
  },
});
