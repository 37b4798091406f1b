import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  came,
  listIn,
  type Relay,
  ReplicaTree,
} from "../../fixtures/replica-tree.ts";
import {
  nimble,
  treeOf,
  type World,
  type WorldServer,
} from "../../fixtures/world.ts";

/** One production, a relay of it, and a replica that reads from the relay alone. */
async function chain(
  tree: ReplicaTree,
  { replica = "", more = nimble } = {},
): Promise<{ production: WorldServer; relay: Relay; leaf: World }> {
  const production = await tree.server("production");
  const relay = await tree.relay("relay", [production], { replica, more });
  const leaf = tree.replica("leaf", [relay.server], { more });
  return { production, relay, leaf };
}

function appendTo(directory: string, text: string): void {
  Deno.writeTextFileSync(`${directory}/.relais/list`, text, { append: true });
}

/** The paths of the lines, each with its operation. */
function named(list: string): string[] {
  return list.split("\n").filter((line) => /^\d/.test(line))
    .map((line) => line.replace(/^\d+\t(.)\t.*\t/, "$1 "));
}

Deno.test("a relay shows the list of its server byte by byte, and a leaf copies all of it from there", async () => {
  await using tree = new ReplicaTree();
  const { production, relay: { world: relay }, leaf } = await chain(tree, {
    replica: `delete = "remove"\nmax_delete = "100%"`,
  });
  relay.write({ "a.csv": "1\n", "orders/1.csv": "2\n" }, production);
  await relay.publish();
  // Whatever an extension means, those who read from here must find it.
  appendTo(production.root, "#set 1-2\n#unknown to \t this relais\nno line\n");

  const first = [await relay.pass(), await leaf.pass()].map(came);
  relay.write({ "a.csv": "changed\n", "b.csv": "3\n" }, production);
  Deno.removeSync(`${production.data}/orders/1.csv`);
  await relay.publish();
  const second = [await relay.pass(), await leaf.pass()].map(came);
  const third = [await relay.pass(), await leaf.pass()].map(came);

  // A line that breaks a rule is told at each depth.
  const exit = 1;
  assertEquals(first, [
    { copied: 2, removed: 0, exit },
    { copied: 2, removed: 0, exit },
  ]);
  assertEquals(second, [
    { copied: 2, removed: 1, exit },
    { copied: 2, removed: 0, exit },
  ]);
  assertEquals(third, [
    { copied: 0, removed: 0, exit },
    { copied: 0, removed: 0, exit },
  ]);
  assertEquals(listIn(relay.into), listIn(production.root));
  assertEquals(Object.keys(treeOf(relay.into)), ["b.csv", "a.csv"].sort());
});

Deno.test("a list that was rewritten is shown as it is, and nothing of it is copied again", async () => {
  await using tree = new ReplicaTree();
  const { production, relay: { world: relay }, leaf } = await chain(tree);
  const { config } = production;
  const text = Deno.readTextFileSync(config);
  Deno.writeTextFileSync(
    config,
    text.replace("[publish]\n", `[publish]\ncompact = "1KB"\n`),
  );
  const generations = new Set<string>();
  for (let round = 0; round < 3; round++) {
    for (let line = 0; line < 12; line++) {
      relay.write(
        { "a.csv": `${round} ${line}\n`, "b.csv": "b\n" },
        production,
      );
      await relay.publish();
    }
    assertEquals([await relay.pass(), await leaf.pass()].map(came), [
      { copied: round === 0 ? 2 : 1, removed: 0, exit: 0 },
      { copied: round === 0 ? 2 : 1, removed: 0, exit: 0 },
    ]);
    assertEquals(listIn(relay.into), listIn(production.root));
    generations.add(listIn(relay.into).split("\t")[2]!);
  }
  assert(generations.size > 1, "the list was never rewritten");
});

Deno.test("the first line whose file is not here holds back those that follow, and status names it", async () => {
  await using tree = new ReplicaTree();
  const { production, relay: { world: relay }, leaf } = await chain(tree);
  relay.write({ "a.csv": "1\n" }, production);
  await relay.publish();
  relay.write({ "b.csv": "2\n" }, production);
  await relay.publish();
  relay.write({ "c.csv": "3\n" }, production);
  await relay.publish();
  const hidden = `${production.root}/b.csv`;
  Deno.renameSync(hidden, `${tree.directory}/b.csv`);

  const held = [await relay.pass(), await leaf.pass()].map(came);
  const shown = named(listIn(relay.into));
  const told = await relay.relais("status");
  const { republished } = JSON.parse(
    (await relay.relais("status", "--json")).stdout,
  );
  Deno.renameSync(`${tree.directory}/b.csv`, hidden);
  const after = [await relay.pass(), await leaf.pass()].map(came);

  assertEquals(held, [
    { copied: 2, removed: 0, exit: 1 },
    { copied: 1, removed: 0, exit: 0 },
  ]);
  assertEquals(shown, ["+ a.csv"]);
  assertStringIncludes(told.stdout, "held back by b.csv");
  assertEquals(republished.held_by, "b.csv");
  assertEquals(after, [
    { copied: 1, removed: 0, exit: 0 },
    { copied: 2, removed: 0, exit: 0 },
  ]);
  assertEquals(listIn(relay.into), listIn(production.root));
});

Deno.test("with filters a relay writes a list of its own, with the dates of publication of the server", async () => {
  await using tree = new ReplicaTree();
  const { production, relay: { world: relay }, leaf } = await chain(tree, {
    replica: `include = ["stock/**"]\ndelete = "remove"\nmax_delete = "100%"`,
  });
  relay.write(
    { "stock/1.csv": "1\n", "stock/2.csv": "2\n", "other.csv": "3\n" },
    production,
  );
  await relay.publish();

  const first = [await relay.pass(), await leaf.pass()].map(came);
  const generation = listIn(relay.into).split("\t")[2];
  relay.write({ "stock/1.csv": "changed\n" }, production);
  Deno.removeSync(`${production.data}/stock/2.csv`);
  await relay.publish();
  const second = [await relay.pass(), await leaf.pass()].map(came);
  const third = [await relay.pass(), await leaf.pass()].map(came);

  assertEquals(first.map(({ copied }) => copied), [2, 2]);
  assertEquals(second.map(({ copied }) => copied), [1, 1]);
  assertEquals(third.map(({ copied, exit }) => [copied, exit]), [
    [0, 0],
    [0, 0],
  ]);
  const list = listIn(relay.into);
  assertEquals(named(list).sort(), [
    "+ stock/1.csv",
    "+ stock/1.csv",
    "+ stock/2.csv",
    "- stock/2.csv",
  ]);
  assertEquals(list.split("\t")[2], generation);
  const dates = (text: string) =>
    new Set(
      text.split("\n").filter((line) => line.includes("\t+\t"))
        .filter((line) => line.includes("stock/"))
        .map((line) => line.split("\t")[2]),
    );
  assertEquals(dates(list), dates(listIn(production.root)));
});

Deno.test("what a relay took from a tree it shows as a list", async () => {
  await using tree = new ReplicaTree();
  const { production, relay: { world: relay }, leaf } = await chain(tree);
  Deno.writeTextFileSync(`${production.root}/a.csv`, "1\n");
  Deno.mkdirSync(`${production.root}/orders`);
  Deno.writeTextFileSync(`${production.root}/orders/1.csv`, "2\n");

  const reports = [await relay.pass(), await leaf.pass()].map(came);

  assertEquals(reports.map(({ copied, exit }) => [copied, exit]), [
    [2, 0],
    [2, 0],
  ]);
  assertEquals(treeOf(leaf.into), treeOf(relay.into));
});

Deno.test("the signatures of large files come with them, and go with them", async () => {
  await using tree = new ReplicaTree();
  const { production, relay: { world: relay } } = await chain(tree, {
    replica: `delete = "remove"\nmax_delete = "100%"`,
  });
  const { config } = production;
  const text = Deno.readTextFileSync(config);
  Deno.writeTextFileSync(
    config,
    text.replace("[publish]\n", `[publish]\nsignatures = "64KiB"\n`),
  );
  const signatures = (directory: string) =>
    treeOf(`${directory}/.relais/signatures`);
  relay.write(
    { "large": "x".repeat(200_000), "small": "s", "other": "y".repeat(70_000) },
    production,
  );
  await relay.publish();
  await relay.pass();
  const first = Object.entries(signatures(relay.into)).map((
    [name, { text }],
  ) => [name, text]);
  const expected = Object.entries(signatures(production.root))
    .map(([name, { text }]) => [name, text]);
  Deno.removeSync(`${production.data}/other`);
  relay.write({ "large": "z".repeat(200_000) }, production);
  await relay.publish();
  await relay.pass();
  await relay.publish();
  await relay.pass();

  assertEquals(first.length, 2);
  assertEquals(first.sort(), expected.sort());
  assertEquals(
    Object.keys(signatures(relay.into)),
    Object.keys(signatures(production.root)),
  );
});

Deno.test("a relay that has lost its state shows what it has shown, and copies nothing again", async () => {
  await using tree = new ReplicaTree();
  const { production, relay: { world: relay }, leaf } = await chain(tree);
  relay.write({ "a.csv": "1\n", "b.csv": "2\n" }, production);
  await relay.publish();
  await relay.pass();
  await leaf.pass();
  await relay.end();
  Deno.removeSync(relay.state, { recursive: true });

  const reports = [await relay.pass(), await leaf.pass()].map(came);

  assertEquals(reports, [
    { copied: 0, removed: 0, exit: 0 },
    { copied: 0, removed: 0, exit: 0 },
  ]);
  assertEquals(listIn(relay.into), listIn(production.root));
});

Deno.test("a torn or damaged end of what is shown is mended", async () => {
  await using tree = new ReplicaTree();
  const { production, relay: { world: relay } } = await chain(tree);
  const list = `${relay.into}/.relais/list`;
  const next = async (name: string) => {
    relay.write({ [name]: "1\n" }, production);
    await relay.publish();
    // What it may remember of its list must not help it.
    await relay.end();
    await relay.pass();
    assertEquals(listIn(relay.into), listIn(production.root));
  };
  await next("a.csv");
  await next("b.csv");
  const whole = Deno.readTextFileSync(list);

  Deno.writeTextFileSync(list, whole.slice(0, -20));
  await next("c.csv");
  appendTo(relay.into, "17\t+\t17");
  await next("d.csv");
  Deno.writeTextFileSync(list, `${whole.slice(0, -5)}?!?!\n`);
  await next("e.csv");
  Deno.removeSync(list);
  await next("f.csv");
});

Deno.test("a replica does not republish where something publishes", async () => {
  await using tree = new ReplicaTree();
  const production = await tree.server("production");
  const other = await tree.server("other");
  const { world } = await tree.relay("relay", [production]);
  world.write({ "a.csv": "1\n" }, production);
  world.write({ "b.csv": "2\n" }, other);
  await world.publish();
  await world.publish(other);
  Deno.renameSync(other.root, world.into);

  const { code, stderr } = await world.relais("--once");
  const check = await world.relais("check");

  assertEquals(code, 2);
  assertStringIncludes(
    stderr,
    `Cannot republish in ${world.into}: it is the export of a publisher`,
  );
  assertStringIncludes(check.stdout, "it is the export of a publisher");
  assertEquals(Object.keys(treeOf(world.into)), ["b.csv"]);
});

Deno.test("what is shown is dated by the publisher at each depth, and grows old when a relay loses its server", async () => {
  await using tree = new ReplicaTree();
  const production = await tree.server("production");
  const more = `${nimble}\nmax_age = "1h"`;
  const { world: relay, server } = await tree.relay("relay", [production]);
  const second = await tree.relay("second", [server]);
  const leaf = tree.replica("leaf", [second.server], { more });
  const hoursAgo = (hours: number) =>
    Math.floor(Date.now() / 1_000) - hours * 3_600;
  const dateOf = (directory: string) =>
    Deno.statSync(`${directory}/.relais/list`).mtime!.getTime() / 1_000;
  const beat = (hours: number) => {
    const date = hoursAgo(hours);
    Deno.utimeSync(`${production.root}/.relais/list`, date, date);
    return date;
  };
  const pass = async () => {
    for (const each of [relay, second.world, leaf]) await each.pass();
    return [relay, second.world].map(({ into }) => dateOf(into));
  };
  relay.write({ "a.csv": "1\n" }, production);
  await relay.publish();

  const fresh = beat(0.5);
  const first = await pass();
  const isFresh = await leaf.relais("status");
  const old = beat(2);
  const unchanged = await pass();
  const isStale = await leaf.relais("status");
  const last = beat(0.25);
  await pass();
  await production.sshd.stop();
  beat(0);
  const lost = await pass();

  assertEquals(first, [fresh, fresh]);
  assertEquals(unchanged, [old, old]);
  assertEquals(lost, [last, last]);
  assert(!isFresh.stdout.includes("stale"), isFresh.stdout);
  assertStringIncludes(isStale.stdout, "stale");
});

Deno.test("a leaf tells its lag from the time at which the publisher wrote the line", async () => {
  await using tree = new ReplicaTree();
  const { production, relay: { world: relay }, leaf } = await chain(tree);
  const hourAgo = Math.floor(Date.now() / 1_000) - 3_600;
  relay.write({ "a.csv": "1\n" }, production);
  await relay.publish();
  const list = `${production.root}/.relais/list`;
  Deno.writeTextFileSync(
    list,
    listIn(production.root).replace(/\t\+\t\S+/, `\t+\t${hourAgo}`),
  );
  await relay.pass();

  const { lag_seconds } = await leaf.pass("--max-transfer", "1");

  assert(lag_seconds >= 3_600 && lag_seconds < 7_200, `${lag_seconds}`);
});
