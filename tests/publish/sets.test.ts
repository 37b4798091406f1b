import { assertEquals } from "@std/assert";
import { testEachPublisher as testEach } from "../../fixtures/publishers.ts";
import { Sources } from "../../fixtures/sources.ts";

testEach("says after each run which lines it wrote", async ({ publish }) => {
  using world = new Sources();
  world.write("a", "1");
  world.write("b", "1");
  await publish(world.config);
  await publish(world.config);
  world.write("b", "2 ");
  world.sh("rm data/a");
  await publish(world.config);

  assertEquals(world.sets(), ["1-2", "3-4"]);
  assertEquals(world.entries(), ["1 + a", "2 + b", "3 + b", "4 - a"]);
});

testEach(
  "puts the lines of a run that was cut off into the next set",
  async ({ publish }) => {
    using world = new Sources();
    world.write("a", "1");
    await publish(world.config);
    world.write("b", "1");
    await publish(world.config);
    const list = Deno.readTextFileSync(world.list);
    Deno.writeTextFileSync(world.list, list.replace("#set 2-2\n", ""));
    world.write("c", "1");

    await publish(world.config);

    assertEquals(world.sets(), ["1-1", "2-3"]);
  },
);

testEach(
  "closes the set of a run that was cut off, even if nothing is new",
  async ({ publish }) => {
    using world = new Sources();
    world.write("a", "1");
    await publish(world.config);
    const list = Deno.readTextFileSync(world.list);
    Deno.writeTextFileSync(world.list, list.replace("#set 1-1\n", "#set 1"));

    await publish(world.config);

    assertEquals(Deno.readTextFileSync(world.list), list);
  },
);

testEach(
  "believes no set that names lines which are not there",
  async ({ publish }) => {
    using world = new Sources();
    world.write("a", "1");
    await publish(world.config);
    Deno.writeTextFileSync(world.list, "#set 2-9\n#set 1-0\n", {
      append: true,
    });
    world.write("b", "1");

    await publish(world.config);

    assertEquals(world.sets().at(-1), "2-2");
  },
);

testEach(
  "counts what a compacted list took over to no set",
  async ({ publish }) => {
    using world = new Sources();
    const config = { ...world.config, compaction: { size: 1, share: 1 } };
    world.write("a", "1");
    await publish(config);
    assertEquals(world.sets(), []);
    world.write("b", "1");

    await publish(world.config);

    assertEquals(world.sets(), ["2-2"]);
  },
);
