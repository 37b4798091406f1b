/**
 * What takes minutes: files of gigabytes. `deno task test:slow` runs it.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { run } from "../../build/run.ts";
import { makeWorld, nimble, type World } from "../../fixtures/world.ts";
import { stagedName } from "../../lib/files/staged-name.ts";
import { parseLine } from "../../lib/list/format.ts";
import { makeLargeFile } from "../bench/tree.ts";

const MiB = 2 ** 20;
const GiB = 2 ** 30;

/** Compares a copy with its source, from some byte on: to digest both would take ten times as long. */
async function assertSame(
  world: World,
  file: string,
  from = 0,
): Promise<void> {
  await run("cmp", [
    `--ignore-initial=${from}`,
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

/** Lets it look as if a pass had been cut off after so many bytes of a file. */
async function stage(world: World, file: string, bytes: number): Promise<void> {
  const { data, root } = world.production;
  const lines = Deno.readTextFileSync(`${root}/.relais/list`).split("\n");
  const parsed = parseLine(lines.findLast((line) => line.endsWith(file))!);
  assert("value" in parsed);
  const name = stagedName(parsed.value);
  const staged = `${world.into}/.relais/staging/${name}`;
  await run("cp", ["--sparse=always", `${data}/${file}`, staged]);
  await Deno.truncate(staged, bytes);
}

Deno.test("a file beyond 4 GiB that was cut off before goes on there, and comes whole, with its holes", async () => {
  await using world = await makeWorld({ level: "info" });
  world.write({ "small": "1" });
  await world.publish();
  await world.pass();
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
  await stage(world, "huge", 4 * GiB - 64 * MiB);

  const report = await world.pass();

  assertEquals([report.copied, report.exit], [1, 0]);
  assert(report.wire_bytes < 140 * MiB, `${report.wire_bytes} bytes`);
  // What lies before was not touched.
  await assertSame(world, "huge", 4 * GiB - 128 * MiB);
  const { blocks } = await Deno.stat(`${world.into}/huge`);
  assert(blocks! * 512 < 10 * MiB, `${blocks} blocks`);
});
