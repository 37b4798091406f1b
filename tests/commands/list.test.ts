import { assertEquals } from "@std/assert";
import { makeWorld, type World } from "../../fixtures/world.ts";

/** The paths that `relais list` shows, in its order. */
async function listed(world: World, ...args: string[]): Promise<string[]> {
  const { stdout } = await world.relais("list", "--json", ...args);
  return stdout.split("\n").slice(0, -1).map((line) => JSON.parse(line).path);
}

Deno.test("relais list shows files since a time, by glob, and in the order asked for", async () => {
  await using world = await makeWorld();
  assertEquals(await listed(world), []);
  world.write({ "a.csv": "333", "b.csv": "1", "deep/c.csv": "22" });
  const [first, second, third] = [3_000, 2_000, 1_000];
  const { data, root } = world.production;
  for (
    const [path, date] of [
      ["a.csv", second],
      ["b.csv", first],
      ["deep/c.csv", third],
    ] as const
  ) Deno.utimeSync(`${data}/${path}`, date, date);
  await world.publish();
  // b.csv was published long ago.
  const list = `${root}/.relais/list`;
  Deno.writeTextFileSync(
    list,
    Deno.readTextFileSync(list).replace(/^(2\t\+\t)\S+/m, "$11000"),
  );
  await world.pass();

  assertEquals(await listed(world), ["a.csv", "b.csv", "deep/c.csv"]);
  assertEquals(await listed(world, "--sort", "size"), [
    ...["b.csv", "deep/c.csv", "a.csv"],
  ]);
  assertEquals(await listed(world, "--sort", "date"), [
    ...["deep/c.csv", "a.csv", "b.csv"],
  ]);
  assertEquals(await listed(world, "--since", "1d"), ["a.csv", "deep/c.csv"]);
  assertEquals(await listed(world, "deep/*"), ["deep/c.csv"]);
  assertEquals(await listed(world, "--wanted"), []);
});

Deno.test("relais list --diff tells what is not on the disk as it should be", async () => {
  await using world = await makeWorld();
  const before = await world.relais("list", "--diff");
  world.write({ "a.csv": "1", "b.csv": "22", "c.csv": "3", "d/e.csv": "4" });
  await world.publish();
  await world.pass();
  const same = await world.relais("list", "--diff");
  const { into } = world;
  Deno.removeSync(`${into}/a.csv`);
  Deno.writeTextFileSync(`${into}/b.csv`, "longer");
  Deno.utimeSync(`${into}/c.csv`, 1, 1);
  Deno.symlinkSync("/etc/hostname", `${into}/d/link`);

  const different = await world.relais("list", "--diff");
  const found = await world.relais("list", "--diff", "--json", "d/*");

  assertEquals([before.code, before.stdout], [0, ""]);
  assertEquals([same.code, same.stdout], [0, ""]);
  assertEquals(different.code, 1);
  assertEquals(
    different.stdout.replace(
      /date is 1, expected \d.*/,
      "date is 1, expected THEN",
    ),
    `\
missing     a.csv: it does not exist any more
differs     b.csv: it has 6 bytes, expected 2
differs     c.csv: its date is 1, expected THEN
extra       d/link: it did not come with relais
`,
  );
  assertEquals([found.code, JSON.parse(found.stdout)], [1, {
    path: "d/link",
    fault: "extra",
    what: "it did not come with relais",
  }]);
});
