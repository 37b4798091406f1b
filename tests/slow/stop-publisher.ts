/**
 * A publisher that is stopped while it works.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { exists } from "../../fixtures/exists.ts";
import { until } from "../../fixtures/until.ts";
import { makeWorld, startRelais, treeOf } from "../../fixtures/world.ts";

Deno.test("a run of publish that a signal stops has listed what it copied, and the next one goes on", async () => {
  await using world = await makeWorld();
  const { config, root } = world.production;
  const count = 10_000;
  const paths = Array.from({ length: count }, (_, index) => `${index}.csv`);
  world.write(Object.fromEntries(paths.map((path) => [path, path])));
  const list = () => Deno.readTextFileSync(`${root}/.relais/list`);
  const listed = () => list().match(/^\d+\t\+/gm)?.length ?? 0;
  const ends = () => list().match(/^#set .*$/gm);
  const relais = startRelais("publish", "--once", "--config", config);
  await until(() => exists(`${root}/.relais/list`) && listed() > 0);
  relais.kill("SIGTERM");
  const { code } = await relais.status;
  const first = listed();
  const log = Deno.readTextFileSync(
    `${world.directory}/production/publish.log`,
  );

  assertEquals(code, 143);
  assertMatch(log, /supervisor \S+ published \d+, .* exit 143\n$/);
  assertEquals(Object.keys(treeOf(root)).length, first);
  assert(first < count, `all ${count} were published before the signal came`);
  assertEquals(ends(), ["#set 0-0"]);
  await world.publish();
  assertEquals([listed(), ends()], [
    ...[count, ["#set 0-0", `#set 1-${count}`]],
  ]);
});
