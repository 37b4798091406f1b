import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { makeWorld, treeOf, type World } from "../../fixtures/world.ts";

async function copiedWorld(): Promise<World> {
  const world = await makeWorld();
  world.write({ "a.csv": "1", "b/c.csv": "2" });
  await world.publish();
  assertEquals((await world.pass()).copied, 2);
  return world;
}

Deno.test("where the copy is not mounted, passes end with exit 4 and write nothing, and go on when it is", async () => {
  await using world = await copiedWorld();
  const { into } = world;
  Deno.renameSync(into, `${into}-elsewhere`);
  const missing = await world.pass();
  Deno.mkdirSync(into);
  const unchanged = await world.pass();
  world.write({ "new.csv": "3" });
  await world.publish();
  const unmounted = await world.pass();
  const status = await world.relais("status");
  const check = await world.relais("check");
  const written = treeOf(into);
  Deno.removeSync(into, { recursive: true });
  Deno.renameSync(`${into}-elsewhere`, into);
  const mounted = await world.pass();

  for (const { exit, copied, errors } of [missing, unchanged, unmounted]) {
    assertEquals([exit, copied], [4, 0]);
    assertStringIncludes(
      errors.join(),
      "none of the files that were copied is there; mount it",
    );
  }
  assertEquals(status.code, 1);
  assertEquals(check.code, 4);
  assertMatch(check.stdout, /^FAILED {2}copy: .*none of the files/m);
  assertEquals(written, {});
  assertEquals([mounted.exit, mounted.copied], [0, 1]);
  assertEquals(treeOf(into), treeOf(world.production.root));
});

Deno.test("a copy that is lost is copied again by relais verify --repair, as the message says", async () => {
  await using world = await copiedWorld();
  const { into } = world;
  for (const { name } of Deno.readDirSync(into)) {
    Deno.removeSync(`${into}/${name}`, { recursive: true });
  }

  const lost = await world.pass();
  const repaired = await world.relais("verify", "--repair");
  const after = await world.pass();

  assertEquals(lost.exit, 4);
  assertStringIncludes(lost.errors.join(), 'run "relais verify --repair"');
  assertEquals(repaired.code, 0, repaired.stderr);
  assertStringIncludes(repaired.stdout, "2 missing, 2 repaired");
  assertEquals([after.exit, after.copied], [0, 0]);
  assertEquals(treeOf(into), treeOf(world.production.root));
});

Deno.test("files that whoever processes them has taken away are no copy that is lost", async () => {
  await using world = await copiedWorld();
  const { into } = world;
  for (const name of ["a.csv", "b"]) {
    Deno.removeSync(`${into}/${name}`, { recursive: true });
  }
  world.write({ "new.csv": "3" });
  await world.publish();

  const { exit, copied } = await world.pass();

  assertEquals([exit, copied], [0, 1]);
  assertEquals(Object.keys(treeOf(into)), ["new.csv"]);
});
