/**
 * What holds a set up besides a file that cannot be had: a conflict, and a line of the
 * list that is refused.
 */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { inSets, publish, shown, statusOf } from "../../fixtures/sets.ts";
import { makeWorld, nimble } from "../../fixtures/world.ts";

Deno.test("a conflict holds its set up, until relais resolve ends it", async () => {
  await using world = await makeWorld({
    servers: ["production", "backup"],
    replica: inSets,
    more: nimble,
  });
  const { production, backup } = world;
  const date = new Date("2026-11-01T00:00:00Z");
  world.write({ "a": "of production" }, production);
  world.write({ "a": "of backup", "z": "1" }, backup);
  for (const server of [production, backup]) {
    Deno.utimeSync(`${server.data}/a`, date, date);
    await world.publish(server);
  }
  await publish(world, { "later": "1" }, backup);
  await production.sshd.stop();
  await backup.sshd.stop();
  await production.sshd.start();
  assertEquals((await world.pass()).exit, 0);
  await production.sshd.stop();
  await backup.sshd.start();

  const conflicted = await world.pass();
  const seen = shown(world);
  const { held } = await statusOf(world);
  const why = await world.relais("why", "z");
  const resolved = await world.relais("resolve", "a", "--from", "backup");

  assertEquals([conflicted.exit, conflicted.server], [5, "backup"]);
  assertEquals(seen, { "a": "of production", "later": "1" });
  assertEquals([held.length, held[0]!.path], [1, "a"]);
  assertMatch(held[0]!.error, /no rule decides which version of a is newer/);
  assertMatch(why.stdout, /part of the set \S+ 1-2, which waits: .*\ba\b/);
  assertEquals(resolved.code, 0, resolved.stderr);
  assertEquals(shown(world), { "a": "of backup", "z": "1", "later": "1" });
});

Deno.test("a line of the list that is refused holds its set up, until the file is published again", async () => {
  await using world = await makeWorld({ replica: inSets });
  const list = `${world.production.root}/.relais/list`;
  await publish(world, { "a": "1", "b": "1" });
  await publish(world, { "c": "1" });
  const text = Deno.readTextFileSync(list);
  Deno.writeTextFileSync(list, text.replace(/^2\t\+/m, "2\tx"));

  const refused = await world.pass();
  const seen = shown(world);
  const { held } = await statusOf(world);
  await publish(world, { "b": "second" });
  const again = await world.pass();

  assertEquals(refused.exit, 1);
  assertEquals(seen, { "c": "1" });
  assertEquals(held.length, 1);
  assertStringIncludes(held[0]!.error, "a line of the list is refused");
  assertEquals(again.exit, 0, again.errors.join());
  assertEquals(shown(world), { "a": "1", "b": "second", "c": "1" });
});
