import { assert, assertEquals } from "@std/assert";
import { faults } from "../../fixtures/schemas.ts";
import { makeWorld, nimble, type World } from "../../fixtures/world.ts";

/** Everything that can be said as JSON, one document each. */
async function results(world: World): Promise<[string, string][]> {
  const asked: [schema: string, ...args: string[]][] = [
    ["status", "status"],
    ["stat", "stat"],
    ["history", "stat", "--since", "1d"],
    ["history", "stat", "--since", "1d", "--by", "pass"],
    ["pass", "--once"],
    ["verify", "verify", "--repair"],
    ["pass", "--once", "--dry-run"],
  ];
  const said: [string, string][] = [];
  for (const [schema, ...args] of asked) {
    const { stdout } = await world.relais(...args, "--json");
    said.push([schema, stdout]);
  }
  return said;
}

Deno.test("JSON results are as docs/schemas says, at first, when all is well, and in trouble", async () => {
  await using world = await makeWorld({
    servers: ["production", "backup"],
    more: nimble,
  });
  const all: [string, string][] = [];
  all.push(...await results(world));
  world.write({ "a.csv": "1", "b.csv": "2" });
  await world.publish();
  all.push(...await results(world));
  world.write({ "c.csv": "3" });
  await world.publish();
  await Deno.remove(`${world.production.root}/c.csv`);
  await world.backup.sshd.stop();
  await world.pass();
  await Deno.remove(`${world.into}/b.csv`);
  all.push(...await results(world));
  await world.production.sshd.stop();
  all.push(...await results(world));

  for (const [schema, result] of all) {
    assertEquals(await faults(schema, result), [], `${schema}: ${result}`);
  }
});

Deno.test("docs/schemas would find a missing and a strange key", async () => {
  const total = {
    passes: 0,
    bad: 0,
    files: 0,
    bytes: 0,
    wire_bytes: 0,
    removed: 0,
    failures: 0,
    seconds: 0,
    lag_seconds: 0,
  };
  const history = { since: 1, until: 2, by: "hour", total, periods: [] };
  const { by: _, ...missing } = history;

  assertEquals(await faults("history", JSON.stringify(history)), []);
  for (const wrong of [missing, { ...history, strange: 1 }]) {
    assert((await faults("history", JSON.stringify(wrong))).length > 0);
  }
});
