/**
 * Files that become directories on a server, directories that become files, and
 * directories that nothing is in any more.
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { makeWorld, treeOf, type World } from "../../fixtures/world.ts";

type Files = Record<string, string>;

/** Makes production publish these files and no others. */
async function publishOnly(world: World, files: Files): Promise<void> {
  const { data } = world.production;
  for (const { name } of Deno.readDirSync(data)) {
    Deno.removeSync(`${data}/${name}`, { recursive: true });
  }
  world.write(files);
  await world.publish();
}

function textsOf(directory: string): Files {
  const tree = Object.entries(treeOf(directory));
  return Object.fromEntries(tree.map(([path, { text }]) => [path, text]));
}

const others = { "b": "b", "c": "c", "d": "d" };

const turns: [what: string, before: Files, after: Files, inTheWay: string][] = [
  [
    "a file that becomes a directory",
    { "a": "file" },
    { "a/x": "below", "a/y/z": "further below" },
    "a is a file on the replica",
  ],
  [
    "a directory that becomes a file",
    { "a/x": "below", "a/y/z": "further below" },
    { "a": "file" },
    "a is a directory on the replica",
  ],
];

for (const [what, before, after, inTheWay] of turns) {
  for (const how of ["remove", "trash"]) {
    Deno.test(`${what} does so on the replica in one pass, with delete = "${how}"`, async () => {
      await using world = await makeWorld({
        replica: `delete = "${how}"\nmax_delete = "100%"`,
        resident: true,
      });
      await publishOnly(world, { ...before, ...others });
      await world.pass();

      await publishOnly(world, { ...after, ...others, "new": "new" });
      const turned = await world.pass();
      await publishOnly(world, { ...before, ...others });
      const back = await world.pass();

      assertEquals([turned.exit, turned.failed], [0, []]);
      assertEquals(turned.copied, Object.keys(after).length + 1);
      assertEquals([back.exit, back.failed], [0, []]);
      assertEquals(textsOf(world.into), { ...before, ...others });
    });
  }

  Deno.test(`${what} is named with what is in its way, and the others come, with delete = "keep"`, async () => {
    await using world = await makeWorld({ resident: true });
    await publishOnly(world, { ...before, ...others });
    await world.pass();

    await publishOnly(world, { ...after, ...others, "new": "new" });
    const first = await world.pass();
    const second = await world.pass();

    for (const { exit, failed } of [first, second]) {
      assertEquals(exit, 1);
      assertEquals(
        failed.map(({ path }) => path).sort(),
        Object.keys(after).sort(),
      );
      assertStringIncludes(failed[0]!.error, inTheWay);
      assertStringIncludes(failed[0]!.error, "move it away");
    }
    assertEquals(textsOf(world.into), { ...before, ...others, "new": "new" });

    Deno.renameSync(`${world.into}/a`, `${world.directory}/aside`);
    assertEquals((await world.pass()).exit, 0);
    assertEquals(textsOf(world.into), { ...after, ...others, "new": "new" });
  });
}

Deno.test("a directory that somebody keeps something in stays, and what it is in the way of is named", async () => {
  await using world = await makeWorld({
    replica: `delete = "remove"\nmax_delete = "100%"`,
    resident: true,
  });
  await publishOnly(world, { "a/x": "below", ...others });
  await world.pass();
  Deno.writeTextFileSync(`${world.into}/a/mine`, "mine");

  await publishOnly(world, { "a": "file", ...others });
  const report = await world.pass();

  assertEquals([report.exit, report.removed], [1, 1]);
  assertEquals(report.failed.map(({ path }) => path), ["a"]);
  assertEquals(textsOf(world.into), { "a/mine": "mine", ...others });
});

Deno.test("directories that relais made go with the last file in them, in a later process too, and all others stay", async () => {
  await using world = await makeWorld({
    replica: `delete = "remove"\nmax_delete = "100%"`,
  });
  Deno.mkdirSync(`${world.into}/theirs`, { recursive: true });
  await publishOnly(world, {
    "theirs/x": "x",
    "ours/deep/y": "y",
    "half/deep/z": "z",
    "half/w": "w",
    ...others,
  });
  await world.pass();

  await publishOnly(world, { "half/w": "w", ...others });
  assertEquals((await world.pass()).removed, 3);

  const directories = [...Deno.readDirSync(world.into)]
    .filter(({ isDirectory, name }) => isDirectory && name !== ".relais")
    .map(({ name }) => name);
  assertEquals(directories.sort(), ["half", "theirs"]);
  assertEquals([...Deno.readDirSync(`${world.into}/half`)].length, 1);
});
