import { assertEquals } from "@std/assert";
import { makeWorld, treeOf } from "../../fixtures/world.ts";

Deno.test("copy, state, log and figures may lie below symbolic links, as systemd's directories of a dynamic account do", async () => {
  await using world = await makeWorld({ servers: ["production"] });
  const { directory } = world;
  for (const name of ["into", "state", "log", "figures"]) {
    Deno.mkdirSync(`${directory}/elsewhere/${name}`, { recursive: true });
    Deno.symlinkSync(`../elsewhere/${name}`, `${directory}/replica/${name}`);
  }
  world.configure({
    more: `[stat]\nprometheus = "${directory}/replica/figures/relais.prom"`,
  });
  world.write({ "a.csv": "1", "b/c.csv": "2" });
  await world.publish();

  const { copied, exit } = await world.pass();
  const { stdout } = await world.relais("log", "-n", "1");

  assertEquals([copied, exit, stdout.split("\n").length], [2, 0, 2]);
  assertEquals(Object.keys(treeOf(world.into)).sort(), ["a.csv", "b/c.csv"]);
  for (
    const file of ["state/relais.db", "state/stat.json", "figures/relais.prom"]
  ) {
    assertEquals(Deno.lstatSync(`${directory}/elsewhere/${file}`).isFile, true);
  }
});
