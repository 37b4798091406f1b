/**
 * Tens of thousands of files that go at once. `deno task test:slow` runs it.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { makeWorld, treeOf } from "../../fixtures/world.ts";

const count = 20_000;
const directories = 100;

Deno.test(`${count} files that are withdrawn at once go in one pass, and no module falls silent`, async () => {
  await using world = await makeWorld({
    replica: `delete = "remove"\nmax_delete = "100%"`,
    level: "info",
  });
  const { data } = world.production;
  for (let index = 0; index < count; index++) {
    const directory = `${data}/${index % directories}`;
    if (index < directories) await Deno.mkdir(directory);
    await Deno.writeTextFile(`${directory}/${index}.csv`, `${index}\n`);
  }
  world.write({ "stays.csv": "stays\n" });
  await world.publish();
  const first = await world.pass();
  for (let index = 0; index < directories; index++) {
    await Deno.remove(`${data}/${index}`, { recursive: true });
  }
  await world.publish();

  const planned = await world.pass("--dry-run");
  const second = await world.pass();
  const third = await world.pass();

  assertEquals([first.copied, first.exit], [count + 1, 0]);
  assertEquals([planned.plan?.length, planned.exit], [count, 0]);
  assertEquals([second.removed, second.exit], [count, 0]);
  assertEquals([third.removed, third.exit], [0, 0]);
  assertEquals(Object.keys(treeOf(world.into)), ["stays.csv"]);
});
