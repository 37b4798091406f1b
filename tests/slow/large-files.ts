/**
 * What takes minutes: files of gigabytes. `deno task test:slow` runs it.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { run } from "../../build/run.ts";
import { makeWorld, nimble, type World } from "../../fixtures/world.ts";
import { makeLargeFile } from "../bench/tree.ts";

const MiB = 2 ** 20;
const GiB = 2 ** 30;

/** Compares a copy with its source: to digest both would take ten times as long. */
async function assertSame(world: World, file: string): Promise<void> {
  await run("cmp", [
    `${world.production.data}/${file}`,
    `${world.into}/${file}`,
  ]);
}

Deno.test("a file of 1 GiB that is cut off at ten points, on alternate servers, costs at most 1 % more", async () => {
  await using world = await makeWorld({
    servers: ["production", "backup"],
    more: nimble,
    level: "info",
  });
  const [production, backup] = [world.production, world.backup];
  makeLargeFile(`${production.data}/big`, GiB);
  await Deno.copyFile(`${production.data}/big`, `${backup.data}/big`);
  for (const server of world.servers) {
    Deno.utimeSync(`${server.data}/big`, 1_700_000_000, 1_700_000_000);
    await world.publish(server);
  }
  const links = world.servers.map((server) => world.link(server));

  for (let pass = 0; pass < 5; pass++) {
    for (const link of links) {
      link.mend();
      link.downAfter((0.01 + 0.08 * Math.random()) * GiB);
    }
    assertEquals((await world.pass()).exit, 3);
  }
  for (const link of links) link.mend();
  const last = await world.pass();

  assertEquals([last.copied, last.exit], [1, 0]);
  await assertSame(world, "big");
  const carried = links.reduce((sum, link) => sum + link.carried.down, 0);
  assert(carried <= 1.01 * GiB, `${carried} bytes for ${GiB}`);
});

Deno.test("a file beyond 4 GiB comes whole, with its holes", async () => {
  await using world = await makeWorld({ level: "info" });
  const source = `${world.production.data}/huge`;
  {
    using file = await Deno.open(source, { write: true, create: true });
    await file.truncate(4 * GiB + 64 * MiB);
    for (const position of [0, 2 * GiB, 4 * GiB - 3, 4 * GiB + MiB]) {
      file.seekSync(position, Deno.SeekMode.Start);
      file.writeSync(new TextEncoder().encode(`at ${position}`));
    }
  }
  await world.publish();

  const report = await world.pass();

  assertEquals([report.copied, report.exit], [1, 0]);
  await assertSame(world, "huge");
  const { blocks } = await Deno.stat(`${world.into}/huge`);
  assert(blocks! * 512 < GiB / 100, `${blocks} blocks`);
});
