import { assertEquals } from "@std/assert";
import { Doomed } from "../../fixtures/kill/process.ts";
import { testEachPublisher as testEach } from "../../fixtures/publishers.ts";
import { relaisPath } from "../../fixtures/relais.ts";
import { Sources } from "../../fixtures/sources.ts";
import { canTrace, injecting } from "../../fixtures/strace.ts";
import { publishScript } from "../../lib/publish/sh/script.ts";

testEach("says after each run which lines it wrote", async ({ publish }) => {
  using world = new Sources();
  world.write("a", "1");
  world.write("b", "1");
  await publish(world.config);
  await publish(world.config);
  world.write("b", "2 ");
  world.sh("rm data/a");
  await publish(world.config);

  assertEquals(world.sets(), ["0-0", "1-2", "3-4"]);
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

    assertEquals(world.sets(), ["0-0", "1-1", "2-3"]);
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
  "says of a compacted list that what it took over is a set",
  async ({ publish }) => {
    using world = new Sources();
    const config = { ...world.config, compaction: { size: 1, share: 1 } };
    world.write("a", "1");
    await publish(config);
    assertEquals(world.sets(), ["1-1"]);
    world.write("b", "1");

    await publish(world.config);

    assertEquals(world.sets(), ["1-1", "2-2"]);
  },
);

testEach(
  "ends no set before it began, whatever is damaged",
  async ({ publish }) => {
    using world = new Sources();
    const config = { ...world.config, compaction: { size: 1, share: 1 } };
    world.write("a", "1");
    world.write("b", "1");
    await publish(config);
    const list = Deno.readTextFileSync(world.list);
    Deno.writeTextFileSync(world.list, list.replace("2\t+", "x\t+"));

    await publish(world.config);

    assertEquals(world.sets(), ["1-2", "0-0", "1-2"]);
  },
);

testEach(
  "leaves what a run that was cut off wrote in no set when it takes a list over",
  async ({ publish }) => {
    using world = new Sources();
    world.write("a", "1");
    await publish(world.config);
    world.write("b", "1");
    await publish(world.config);
    const list = Deno.readTextFileSync(world.list);
    Deno.writeTextFileSync(
      world.list,
      list.replace("#set 2-2\n", "").replace(/#writer .*/, "#writer other"),
    );
    world.write("c", "1");

    await publish(world.config);

    assertEquals(world.entries(), ["1 + a", "2 + b", "3 + c"]);
    assertEquals(world.sets(), ["1-1", "2-3"]);
  },
);

testEach(
  "says of a list without sets that lines wait for theirs, before it goes on with it",
  async ({ publish }) => {
    using world = new Sources();
    world.write("a", "1");
    await publish(world.config);
    const list = Deno.readTextFileSync(world.list).replaceAll(/#set.*\n/g, "");
    Deno.writeTextFileSync(world.list, list);
    world.write("b", "1");

    await publish(world.config);

    assertEquals(world.entriesAndSets(), [
      "1 + a",
      "#set 0-0",
      "2 + b",
      "#set 1-2",
    ]);
  },
);

/** How each publisher is run as a process of its own. */
const commands: Record<string, (world: Sources) => string[]> = {
  "relais publish": (world) => [
    ...[relaisPath, "publish", "--once", "--config", world.writeConfig()],
  ],
  "relais-publish.sh"(world) {
    const script = `${world.root}/publish.sh`;
    Deno.writeTextFileSync(script, publishScript(world.config));
    return ["sh", script];
  },
};

for (const [name, command] of Object.entries(commands)) {
  Deno.test({
    name: `${name} puts into the next set what a full disk kept out of one`,
    ignore: !canTrace(),
    async fn() {
      using world = new Sources();
      const publish = (under: readonly string[] = []) =>
        Doomed.run([...under, ...command(world)]).ended();
      world.write("a", "1");
      await publish();
      world.write("b", "1");

      const full = await publish(
        injecting("write", "error=ENOSPC:when=2", [world.list]),
      );

      assertEquals(full.code, 4, full.stderr);
      assertEquals(world.entriesAndSets().slice(-2), ["#set 1-1", "2 + b"]);
      assertEquals((await publish()).code, 0);
      assertEquals(world.entriesAndSets().slice(-2), ["2 + b", "#set 2-2"]);
    },
  });
}
