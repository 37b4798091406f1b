import { assertEquals } from "@std/assert";
import { makeWorld, relais } from "../../fixtures/world.ts";

Deno.test("a hook gets no TMPDIR that a unit sets for the executable, and one of its administrator", async () => {
  await using world = await makeWorld();
  const told = `${world.directory}/told`;
  world.configure({
    more: `[hooks]\non_new = ["sh", "-c", "echo \${TMPDIR-none} >>${told}"]`,
  });
  const cache = `${world.directory}/cache`;
  await Deno.mkdir(cache);

  for (
    const [text, env] of [
      ["1", { TMPDIR: cache, CACHE_DIRECTORY: cache }],
      ["22", { TMPDIR: cache }],
    ] as const
  ) {
    world.write({ "a.csv": text });
    await world.publish();
    await relais(["--once", "--config", world.config], { env });
  }

  assertEquals(await Deno.readTextFile(told), `none\n${cache}\n`);
});
