/**
 * Links that carry little, and servers that bring next to nothing: what arrives
 * steadily is waited for, and kept; what does not is given up.
 */

import { assert, assertEquals } from "@std/assert";
import { noise } from "../../fixtures/noise.ts";
import { until } from "../../fixtures/until.ts";
import {
  makeWorld,
  startRelais,
  treeOf,
  type World,
} from "../../fixtures/world.ts";

/** Limits that a request which waits its turn on a slow link goes beyond, and one that makes no progress as well. */
const shortLimits =
  `[limits]\nkeepalive = "1s"\nrequest = "3s"\n[probe]\ntimeout = "30s"\n[copy]\nretries = 0\n`;

async function publish(
  world: World,
  files: Record<string, number>,
): Promise<void> {
  for (const [path, size] of Object.entries(files)) {
    Deno.writeFileSync(`${world.production.data}/${path}`, noise(size));
  }
  await world.publish();
}

function many(count: number, size: number): Record<string, number> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [`${index}.bin`, size]),
  );
}

Deno.test("files that wait for others on a slow link are not late", async () => {
  await using world = await makeWorld({ more: shortLimits });
  await publish(world, many(40, 200_000));
  const link = world.link(world.production, { bytesPerSecond: 1_000_000 });

  const report = await world.pass();

  assertEquals([report.copied, report.exit, report.failed], [40, 0, []]);
  assertEquals(treeOf(world.into), treeOf(world.production.root));
  assert(link.carried.down < 9_000_000, `${link.carried.down} bytes came`);
});

Deno.test("a piece that takes longer than any limit is waited for while it comes", async () => {
  await using world = await makeWorld({ more: shortLimits });
  await publish(world, { "a.bin": 200_000 });
  world.link(world.production, { bytesPerSecond: 20_000 });

  const report = await world.pass();

  assertEquals([report.copied, report.exit], [1, 0]);
  assertEquals(treeOf(world.into), treeOf(world.production.root));
});

Deno.test("what is whole is in place long before a slow file that was published first", async () => {
  await using world = await makeWorld();
  await publish(world, { "big.bin": 8_000_000 });
  await publish(world, many(3, 10_000));
  world.link(world.production, { bytesPerSecond: 200_000 });
  const relais = startRelais("--once", "--config", world.config);

  await until(() => Object.keys(treeOf(world.into)).length > 0);

  assertEquals("big.bin" in treeOf(world.into), false);
  relais.kill("SIGTERM");
  assertEquals((await relais.status).code, 143);
});
