import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  makeWorld,
  type Report,
  treeOf,
  type World,
} from "../../fixtures/world.ts";

const files = {
  "orders/1.csv": "1\n",
  "orders/2.csv": "2\n",
  "orders/3.csv": "3\n",
  "stock.csv": "s\n",
};

async function copiedWorld(replica: string): Promise<World> {
  const world = await makeWorld({ replica, resident: true });
  world.write(files);
  await world.publish();
  assertEquals((await world.pass()).copied, 4);
  return world;
}

function listOf(world: World): string {
  return `${world.production.root}/.relais/list`;
}

function outcome({ removed, exit }: Report) {
  return { removed, exit };
}

function removeSources(world: World, path: string): void {
  Deno.removeSync(`${world.production.data}/${path}`, { recursive: true });
}

Deno.test("more withdrawals than max_delete go when they are accepted, and not before", async () => {
  await using world = await copiedWorld(`delete = "remove"\nmax_delete = 1`);
  const before = treeOf(world.into);
  removeSources(world, "orders");
  await world.publish();

  const refused = await world.relais("--once");
  const kept = treeOf(world.into);
  const planned = await world.pass("--dry-run", "--accept-shrink");
  const accepted = await world.pass("--accept-shrink");
  const after = await world.pass();

  assertEquals([refused.code, kept], [5, before]);
  assertStringIncludes(refused.stderr, "Refused to delete 3 of 4 files");
  assertStringIncludes(
    refused.stderr,
    `run "relais --once --accept-shrink --config ${world.config}"`,
  );
  assertEquals(planned.plan?.map(({ action }) => action), [
    "remove",
    "remove",
    "remove",
  ]);
  assertEquals([accepted, after].map(outcome), [
    { removed: 3, exit: 0 },
    { removed: 0, exit: 0 },
  ]);
  assertEquals(Object.keys(treeOf(world.into)), ["stock.csv"]);
});

Deno.test("--accept-shrink and --failback are for one pass: without --once they are refused", async () => {
  await using world = await makeWorld();
  for (const option of ["--accept-shrink", "--failback"]) {
    const { code, stderr } = await world.relais(option);
    assertEquals(code, 2);
    assertStringIncludes(stderr, `Cannot use ${option} without --once`);
  }
});

for (
  const [what, source, empty] of [
    ["a walked tree that suddenly has nothing", "tree", (world: World) => {
      for (const path of ["orders", "stock.csv", ".relais"]) {
        Deno.removeSync(`${world.production.root}/${path}`, {
          recursive: true,
        });
      }
    }],
    ["an empty list of a new generation", "list", (world: World) => {
      Deno.writeTextFileSync(
        listOf(world),
        "relais-list\t1\tanew\t1795000000\n",
      );
    }],
  ] as const
) {
  Deno.test(`${what} stops the deletions, whatever max_delete allows`, async () => {
    await using world = await copiedWorld(
      `source = "${source}"\ndelete = "remove"\nmax_delete = "100%"`,
    );
    const before = treeOf(world.into);
    empty(world);

    const { code, stderr } = await world.relais("--once");

    assertEquals(code, 5);
    assertStringIncludes(stderr, "Refused to delete all 4 files");
    assertEquals(treeOf(world.into), before);
    assertEquals(outcome(await world.pass("--accept-shrink")), {
      removed: 4,
      exit: 0,
    });
  });
}

Deno.test("a list that lost its end is read again from its start when that is accepted", async () => {
  await using world = await copiedWorld(`delete = "remove"\nmax_delete = 1`);
  const lines = Deno.readTextFileSync(listOf(world)).split("\n");
  const third = lines.findIndex((line) => line.startsWith("3\t"));
  Deno.writeTextFileSync(
    listOf(world),
    `${lines.slice(0, third).join("\n")}\n`,
  );

  const refused = await world.pass();
  const accepted = await world.pass("--accept-shrink");

  assertEquals(outcome(refused), { removed: 0, exit: 5 });
  assertEquals(outcome(accepted), { removed: 2, exit: 0 });
  assertEquals(Object.keys(treeOf(world.into)).length, 2);
});

Deno.test("an earlier list that was restored and written on is refused, then accepted without losing what came later", async () => {
  await using world = await copiedWorld("");
  const earlier = Deno.readTextFileSync(listOf(world));
  world.write({ "stock.csv": "s\nlater\n" });
  await world.publish();
  assertEquals((await world.pass()).copied, 1);

  // Yesterday's list comes back, and the publisher goes on from there.
  Deno.writeTextFileSync(listOf(world), earlier);
  world.write({
    "orders/1.csv": "1\nchanged\n",
    "orders/4.csv": "4\n".repeat(40),
    "stock.csv": "s\nlater\nand later still\n",
  });
  await world.publish();
  const refused = await world.pass();
  const accepted = await world.pass("--accept-shrink");

  assertEquals([refused.copied, refused.exit], [0, 5]);
  assertEquals([accepted.copied, accepted.exit], [3, 0]);
  assertEquals(treeOf(world.into), treeOf(world.production.root));
});

Deno.test("the trash keeps every file for trash_keep, and no longer", async () => {
  await using world = await copiedWorld(
    `delete = "trash"\nmax_delete = 2\ntrash_keep = "3d"`,
  );
  const trash = `${world.into}/.relais/trash`;
  const old = new Date(Date.now() - 4 * 86_400_000).toISOString().slice(0, 10);
  Deno.mkdirSync(`${trash}/${old}/orders`, { recursive: true });
  Deno.writeTextFileSync(`${trash}/${old}/orders/0.csv`, "0\n");
  const thrownAway: string[] = [];
  for (const text of ["s\n", "another\n"]) {
    world.write({ "stock.csv": text });
    await world.publish();
    await world.pass();
    removeSources(world, "stock.csv");
    await world.publish();
    assertEquals(outcome(await world.pass()), { removed: 1, exit: 0 });
  }
  for (const { name } of Deno.readDirSync(trash)) {
    assert(name !== old, "what is too old went");
    thrownAway.push(Deno.readTextFileSync(`${trash}/${name}/stock.csv`));
  }
  assertEquals(thrownAway.sort(), ["another\n", "s\n"]);
});
