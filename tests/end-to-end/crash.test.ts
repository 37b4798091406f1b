import { assertEquals, assertMatch } from "@std/assert";
import { which } from "../../fixtures/programs.ts";
import { toolbox } from "../../fixtures/publishers.ts";
import { makeWorld, nimble, type World } from "../../fixtures/world.ts";
import { Doomed } from "../../fixtures/kill/process.ts";

const removing = { replica: `delete = "remove"\nmax_delete = "100%"` };

/** Runs a pass that is killed as soon as a barrier finds `condition` of sh to be true in `into`. */
async function passKilledWhen(world: World, condition: string): Promise<void> {
  using tools = toolbox([[
    "sync",
    `#!/bin/sh
cd '${world.into}' && ${condition} && kill -9 $PPID
exec ${which("sync")} "$@"
`,
  ]]);
  const env = [`PATH=${tools.PATH}:${Deno.env.get("PATH")}`];
  const relais = Doomed.start(
    ["--once", "--config", world.config],
    ["env", ...env],
  );
  const { killed, stderr } = await relais.ended();
  assertEquals(killed, true, stderr);
}

function read(world: World, path: string): string | undefined {
  try {
    return Deno.readTextFileSync(`${world.into}/${path}`);
  } catch {
    return undefined;
  }
}

/** Writes a source with a date, in days since some day, and publishes it. */
async function publish(
  world: World,
  text: string,
  { day, server = world.production }: {
    day: number;
    server?: World["production"];
  },
): Promise<void> {
  world.write({ "a.csv": text, "b.csv": "b" }, server);
  const seconds = 1_700_000_000 + day * 86_400;
  Deno.utimeSync(`${server.data}/a.csv`, seconds, seconds);
  Deno.utimeSync(`${server.data}/b.csv`, 1_700_000_000, 1_700_000_000);
  await world.publish(server);
}

Deno.test("a file that was in place, and not committed, when relais was killed goes when it is withdrawn", async () => {
  await using world = await makeWorld(removing);
  world.write({ "b.csv": "b", "c.csv": "c" });
  await world.publish();
  await world.pass();
  await publish(world, "new", { day: 0 });
  await passKilledWhen(world, "[ -e a.csv ]");
  assertEquals(read(world, "a.csv"), "new");
  Deno.removeSync(`${world.production.data}/a.csv`);
  await world.publish();

  const { exit, removed } = await world.pass();

  assertEquals([exit, removed, read(world, "a.csv")], [0, 1, undefined]);
});

Deno.test("a version that was in place, and not committed, when relais was killed is not replaced by an older one of a backup that lags", async () => {
  await using world = await makeWorld({
    servers: ["production", "backup"],
    more: nimble,
  });
  await publish(world, "first", { day: 1 });
  await world.pass();
  await publish(world, "second", { day: 2, server: world.backup });
  await publish(world, "third", { day: 3 });
  await passKilledWhen(world, "grep -q third a.csv");
  assertEquals(read(world, "a.csv"), "third");

  await world.production.sshd.stop();
  const { server, exit } = await world.pass();

  assertEquals([server, exit, read(world, "a.csv")], ["backup", 0, "third"]);
});

Deno.test("a file that was taken away, and not committed to be gone, when relais was killed is fetched when it is published again", async () => {
  await using world = await makeWorld(removing);
  await publish(world, "a", { day: 1 });
  await world.pass();
  Deno.removeSync(`${world.production.data}/a.csv`);
  await world.publish();
  await passKilledWhen(world, "[ ! -e a.csv ]");
  await publish(world, "a", { day: 1 });

  const { exit } = await world.pass();

  assertEquals([exit, read(world, "a.csv")], [0, "a"]);
});

Deno.test("a pass that runs out of memory loses nothing, and the next one finishes", async () => {
  await using world = await makeWorld();
  await publish(world, "first", { day: 1 });
  await world.pass();
  await publish(world, "second", { day: 2 });

  const heap = "DENO_V8_FLAGS=--max-old-space-size=6";
  const relais = Doomed.start(
    ["--once", "--config", world.config],
    ["env", heap],
  );
  const { code, stderr } = await relais.ended();
  assertEquals(code === 0, false);
  assertMatch(stderr, /out of memory/);

  assertEquals((await world.pass()).exit, 0);
  assertEquals(read(world, "a.csv"), "second");
});
