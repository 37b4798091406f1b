/**
 * Sets: all files of one run of a publisher are shown, or none.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { canMount, TmpfsDisk } from "../../fixtures/disk.ts";
import { noise } from "../../fixtures/noise.ts";
import { inSets, lose, publish, shown, statusOf } from "../../fixtures/sets.ts";
import { makeWorld, nimble, type World } from "../../fixtures/world.ts";

/** One replica runs the passes of a test. */
const resident = true;

function listOf(world: World): string {
  return `${world.production.root}/.relais/list`;
}

Deno.test("a set is shown when all of it is here, and not before", async () => {
  await using world = await makeWorld({ replica: inSets, resident });
  await publish(world, { "a": "1", "b": "1", "c": "1" });
  assertEquals((await world.pass()).exit, 0);
  await publish(world, { "a": "second", "b": "second" });
  const putBack = lose(world, "b");

  const report = await world.pass();

  assertEquals(report.exit, 1);
  // What a hook for errors is told of.
  assertMatch(
    report.errors.join(),
    /^Cannot show the set \S+ 4-5: .*\bb\b[^,]*$/,
  );
  assertEquals(shown(world), { "a": "1", "b": "1", "c": "1" });
  const { held } = await statusOf(world);
  assertMatch(held[0]!.set, /^[0-9a-z-]+ 4-5$/);
  assertEquals([held.length, held[0]!.path], [1, "b"]);
  const status = await world.relais("status");
  assertMatch(status.stdout, /Sets that wait[^]* 4-5: .*\bb\b/);
  const why = await world.relais("why", "a");
  assertMatch(why.stdout, /part of the set \S+ 4-5, which waits: .*\bb\b/);

  putBack();
  assertEquals((await world.pass()).exit, 0);
  assertEquals(shown(world), { "a": "second", "b": "second", "c": "1" });
  assertEquals((await statusOf(world)).held, []);
});

Deno.test("later sets with other files come, and wait if they are ordered", async () => {
  for (const sets of ["true", `"ordered"`]) {
    await using world = await makeWorld({
      replica: `sets = ${sets}`,
      resident,
    });
    await publish(world, { "a": "1", "b": "1" });
    await publish(world, { "c": "1" });
    const putBack = lose(world, "b");

    assertEquals((await world.pass()).exit, 1);
    assertEquals(shown(world), sets === "true" ? { "c": "1" } : {});
    const { held } = await statusOf(world);
    assertEquals(held.length, sets === "true" ? 1 : 2);

    putBack();
    assertEquals((await world.pass()).exit, 0);
    assertEquals(shown(world), { "a": "1", "b": "1", "c": "1" });
  }
});

Deno.test("a set that replaces a file of one that waits is shown together with it", async () => {
  await using world = await makeWorld({ replica: inSets, resident });
  await publish(world, { "a": "1", "b": "1" });
  await publish(world, { "other": "1" });
  await publish(world, { "b": "second", "c": "1" });
  const putBack = lose(world, "a");

  assertEquals((await world.pass()).exit, 1);
  assertEquals(shown(world), { "other": "1" });
  assertMatch((await statusOf(world)).held[0]!.set, / 1-2,4-5$/);

  putBack();
  assertEquals((await world.pass()).exit, 0);
  assertEquals(shown(world), {
    "a": "1",
    "b": "second",
    "c": "1",
    "other": "1",
  });
});

Deno.test("lines of a run that has not ended are not wanted yet", async () => {
  await using world = await makeWorld({ replica: inSets, resident });
  await publish(world, { "a": "1" });
  await publish(world, { "a": "second", "b": "1" });
  const list = Deno.readTextFileSync(listOf(world));
  Deno.writeTextFileSync(listOf(world), list.replace("#set 2-3\n", ""));

  assertEquals((await world.pass("--dry-run")).plan, []);
  const first = await world.pass();

  // Its only version that could be had belongs to the run.
  assertEquals([first.exit, shown(world)], [0, {}]);
  await world.publish();
  assertEquals((await world.pass()).exit, 0);
  assertEquals(shown(world), { "a": "second", "b": "1" });
});

Deno.test("what a set withdraws goes when the rest of it comes", async () => {
  for (const how of ["remove", "trash", "keep"]) {
    await using world = await makeWorld({
      replica: `${inSets}\ndelete = "${how}"\nmax_delete = "100%"`,
      resident,
    });
    await publish(world, { "a": "1", "d/b": "1", "e": "1" });
    await world.pass();
    Deno.removeSync(`${world.production.data}/d/b`);
    Deno.removeSync(`${world.production.data}/d`);
    Deno.removeSync(`${world.production.data}/e`);
    // What was a directory is a file now, and the other way round.
    await publish(world, { "a": "second", "d": "1", "e/f": "1" });
    const putBack = lose(world, "a");

    await world.pass();
    assertEquals(shown(world), { "a": "1", "d/b": "1", "e": "1" });

    putBack();
    const { exit, removed } = await world.pass();
    if (how === "keep") {
      assertEquals(exit, 1);
      assertEquals(shown(world), { "a": "1", "d/b": "1", "e": "1" });
    } else {
      assertEquals([exit, removed], [0, 2]);
      assertEquals(shown(world), { "a": "second", "d": "1", "e/f": "1" });
    }
  }
});

Deno.test("a set that only withdraws is followed, and one that withdraws too much waits", async () => {
  const replica = `${inSets}\ndelete = "remove"\nmax_delete = 1`;
  await using world = await makeWorld({ replica, resident });
  await publish(world, { "a": "1", "b": "1", "c": "1", "d": "1" });
  await world.pass();
  Deno.removeSync(`${world.production.data}/a`);
  await world.publish();
  assertEquals((await world.pass()).removed, 1);
  Deno.removeSync(`${world.production.data}/b`);
  Deno.removeSync(`${world.production.data}/c`);
  await publish(world, { "d": "second" });

  assertEquals((await world.pass()).exit, 5);
  assertEquals(shown(world), { "b": "1", "c": "1", "d": "1" });
  assertEquals((await world.pass("--accept-shrink")).exit, 0);
  assertEquals(shown(world), { "d": "second" });
});

Deno.test({
  name:
    "a set for which the disk has no room ends with exit 4, and nothing of it is shown",
  ignore: !canMount(),
  async fn() {
    await using world = await makeWorld({ replica: inSets });
    Deno.mkdirSync(world.into);
    using disk = new TmpfsDisk(world.into, "size=12m");
    await publish(world, { "small": "1" });
    await world.pass();
    for (let n = 0; n < 16; n++) {
      Deno.writeFileSync(`${world.production.data}/${n}`, noise(1024 * 1024));
    }
    await world.publish();

    const { exit } = await world.pass();

    assertEquals([exit, Object.keys(shown(world))], [4, ["small"]]);
    const staged = [...Deno.readDirSync(`${world.into}/.relais/staging`)];
    assertEquals(staged, []);
    const { held } = await statusOf(world);
    assertMatch(held[0]!.error, /does not fit/);
    await publish(world, { "small": "second" });
    await world.pass();
    assertEquals(shown(world), { "small": "second" });

    disk.remount("size=64m");
    assertEquals((await world.pass()).exit, 0);
    assertEquals(Object.keys(shown(world)).length, 17);
  },
});

Deno.test("all that a pass finds in a list without sets is a set", async () => {
  await using world = await makeWorld({ replica: inSets, resident });
  await publish(world, { "a": "1", "b": "1" });
  const list = Deno.readTextFileSync(listOf(world)).replaceAll(/#set.*\n/g, "");
  Deno.writeTextFileSync(listOf(world), list);
  const putBack = lose(world, "b");

  await world.pass();
  assertEquals(shown(world), {});
  // What the next pass finds is another set.
  const line = list.split("\n").find((line) => line.startsWith("1\t"))!;
  Deno.copyFileSync(
    `${world.production.root}/a`,
    `${world.production.root}/c`,
  );
  Deno.writeTextFileSync(
    listOf(world),
    line.replace(/^1\t/, "3\t").replace(/a$/, "c\n"),
    { append: true },
  );
  await world.pass();
  assertEquals(shown(world), { "c": "1" });

  putBack();
  assertEquals((await world.pass()).exit, 0);
  assertEquals(shown(world), { "a": "1", "b": "1", "c": "1" });
});

Deno.test("all that a pass finds in a tree is a set", async () => {
  await using world = await makeWorld({
    replica:
      `${inSets}\nsource = "tree"\ndelete = "remove"\nmax_delete = "100%"`,
    resident,
  });
  const { root } = world.production;
  Deno.writeTextFileSync(`${root}/a`, "1");
  Deno.writeTextFileSync(`${root}/b`, "1");
  assertEquals((await world.pass()).exit, 0);
  assertEquals(shown(world), { "a": "1", "b": "1" });
  Deno.removeSync(`${root}/b`);
  Deno.writeTextFileSync(`${root}/c`, "1");

  assertEquals((await world.pass()).exit, 0);

  assertEquals(shown(world), { "a": "1", "c": "1" });
});

Deno.test("a set that was begun from production is completed from a backup that has its files, and from no other", async () => {
  await using world = await makeWorld({
    servers: ["production", "backup"],
    replica: inSets,
    more: nimble,
    resident,
  });
  const { production, backup } = world;
  await publish(world, { "a": "1", "b": "1" });
  await world.pass();
  await publish(world, { "a": "second", "b": "second" });
  const copy = (what: string) =>
    new Deno.Command("sh", {
      args: ["-c", what],
      cwd: production.root,
    }).outputSync();
  // Backup has the list, and not all that it names.
  copy(`cp -p a '${backup.root}' && mkdir '${backup.root}/.relais' &&
    cp -p .relais/list '${backup.root}/.relais'`);
  lose(world, "b");
  await world.pass();
  await production.sshd.stop();

  assertEquals((await world.pass()).server, "backup");
  assertEquals(shown(world), { "a": "1", "b": "1" });

  copy(`cp -p .relais/aside '${backup.root}/b'`);
  const report = await world.pass();

  assertEquals([report.exit, report.server], [0, "backup"]);
  assertEquals(shown(world), { "a": "second", "b": "second" });
  // The first file was fetched from production, and never again.
  assertEquals(report.bytes, 12);
  assert(report.copied === 2);
});

Deno.test("sets of a list that was read of another server are known on the one that has the same list", async () => {
  await using world = await makeWorld({
    servers: ["production", "backup"],
    replica: inSets,
    more: nimble,
    resident,
  });
  const { production, backup } = world;
  const replicate = () =>
    new Deno.Command("cp", { args: ["-aT", production.root, backup.root] })
      .output();
  await publish(world, { "a": "1", "b": "1" });
  await publish(world, { "c": "1" });
  await replicate();
  assertEquals((await world.pass()).exit, 0);
  await publish(world, { "a": "second", "b": "second" });
  await replicate();
  await production.sshd.stop();
  const putBack = lose(world, "b", backup);

  assertEquals((await world.pass()).server, "backup");
  assertEquals(shown(world), { "a": "1", "b": "1", "c": "1" });
  assertMatch((await statusOf(world)).held[0]!.set, / 4-5$/);

  putBack();
  assertEquals((await world.pass()).exit, 0);
  assertEquals(shown(world), { "a": "second", "b": "second", "c": "1" });
});
