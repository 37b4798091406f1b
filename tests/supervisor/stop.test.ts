import { delay } from "@std/async/delay";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { until } from "../../fixtures/until.ts";
import { exists } from "../../fixtures/exists.ts";
import {
  makeWorld,
  spawnRelais,
  startRelais,
  treeOf,
  type World,
} from "../../fixtures/world.ts";
import { hasState } from "../../lib/state/database.ts";

/** A world with more to copy than a moment is enough for. */
async function busyWorld(count = 300): Promise<World> {
  const world = await makeWorld();
  const text = "0123456789abcdef".repeat(512);
  const files = Array.from(
    { length: count },
    (_, index) => [`d${index % 20}/${index}`, `${index} ${text}`],
  );
  world.write(Object.fromEntries(files));
  await world.publish();
  return world;
}

/** Lets a pass of a {@link busyWorld} take long enough to be met at work on any machine. */
const slow = `[copy]\nbandwidth = "100KB/s"`;

/** Whether a pass has begun to fetch. */
function isAnyStaged({ into }: World): boolean {
  return [...Deno.readDirSync(`${into}/.relais/staging`)].length > 0;
}

/** Every file in place must be one that is published, whole. */
function assertWhole(world: World): number {
  const published = treeOf(world.production.root);
  let here = {};
  try {
    here = treeOf(world.into);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  for (const [path, file] of Object.entries(here)) {
    assertEquals(file, published[path], path);
  }
  return Object.keys(here).length;
}

Deno.test("a pass that is killed at any moment leaves only whole files, and the next one finishes", async () => {
  const count = 1_000;
  await using world = await busyWorld(count);

  for (const afterMs of [150, 250, 300, 350, 400, 450, 500, 600]) {
    const relais = startRelais("--once", "--config", world.config);
    await delay(afterMs + Math.random() * 50);
    relais.kill("SIGKILL");
    await relais.status;
    assertWhole(world);
  }
  const before = assertWhole(world);
  const report = await world.pass();

  assertEquals(report.exit, 0);
  assert(
    report.copied <= count - before,
    `${report.copied} copied, ${before} were here`,
  );
  assertEquals(treeOf(world.into), treeOf(world.production.root));
  assertEquals((await world.pass()).copied, 0);
});

for (const [signal, status] of [["SIGTERM", 143], ["SIGINT", 130]] as const) {
  Deno.test(`a pass that gets ${signal} ends in good order with exit ${status}`, async () => {
    await using world = await busyWorld();
    world.configure({ more: slow });
    const relais = startRelais("--once", "--config", world.config);
    await until(() => isAnyStaged(world));
    relais.kill(signal);

    const { code } = await relais.status;
    world.configure();

    assertEquals(code, status);
    assertWhole(world);
    // Who is ended by force says nothing any more.
    const { stdout } = await world.relais("log", "-n", "1");
    assertMatch(stdout, new RegExp(`supervisor .* exit ${status}$`, "m"));
    assertEquals((await world.pass()).exit, 0);
  });
}

Deno.test("a pass that a signal stops is told as stopped everywhere, and not as one that failed", async () => {
  await using world = await busyWorld();
  const told = `${world.directory}/told`;
  world.configure({
    more: `${slow}\n[hooks]\non_error = ["sh", "-c", "cat >> ${told}"]`,
  });
  const relais = spawnRelais(["--once", "--json", "--config", world.config], {
    stdout: "piped",
    stderr: "null",
  });
  await until(() => isAnyStaged(world));
  relais.kill("SIGTERM");

  const { code, stdout } = await relais.output();
  const { exit } = JSON.parse(new TextDecoder().decode(stdout));
  const status = JSON.parse((await world.relais("status", "--json")).stdout);
  const stat = JSON.parse((await world.relais("stat", "--json")).stdout);

  assertEquals([code, exit, status.passes[0].exit], [143, 143, 143]);
  assertEquals(
    status.problems.map(({ text }: { text: string }) => text),
    ["no pass has completed yet"],
  );
  const { passes_stopped, passes_incomplete } = stat.modules.stat;
  assertEquals([passes_stopped, passes_incomplete], [1, 0]);
  assertEquals(exists(told), false);
});

Deno.test("--max-time may be longer than any timer can wait", async () => {
  await using world = await makeWorld();
  world.write({ "a.csv": "1" });
  await world.publish();

  const { exit, copied } = await world.pass("--max-time", "30d");

  assertEquals([exit, copied], [0, 1]);
});

Deno.test("a file that a signal cuts off has not failed", async () => {
  await using world = await makeWorld();
  // It comes in one answer: nothing of it is here until all of it is.
  world.write({ "a.bin": "0123456789abcdef".repeat(12_000) });
  await world.publish();
  const link = world.link(world.production, { bytesPerSecond: 20_000 });
  const relais = startRelais("--once", "--config", world.config);
  await until(() => link.carried.down > 60_000);
  relais.kill("SIGTERM");
  await relais.status;

  const { stdout } = await world.relais("status", "--json");

  const { failed, pending } = JSON.parse(stdout);
  assertEquals([failed, pending], [0, 1], stdout);
});

Deno.test("the loop runs passes until a signal ends it", async () => {
  await using world = await makeWorld({ more: `[schedule]\nevery = "1s"` });
  world.write({ "a.csv": "1" });
  await world.publish();
  const relais = startRelais("--config", world.config);
  await until(() => "a.csv" in treeOf(world.into));
  world.write({ "b.csv": "2" });
  await world.publish();
  await until(() => "b.csv" in treeOf(world.into));
  relais.kill("SIGTERM");
  assertEquals((await relais.status).code, 143);
});

Deno.test("a frozen server does not keep a signal from ending a pass", async () => {
  await using world = await busyWorld();
  world.production.sshd.freeze();
  const relais = startRelais("--once", "--config", world.config);
  // By then it listens to signals, and asks the server.
  await until(() => hasState(world.state));
  relais.kill("SIGTERM");
  const { code } = await relais.status;
  assertEquals(code, 143);
});
