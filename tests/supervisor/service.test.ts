import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { delay } from "@std/async/delay";
import { relaisPath } from "../../fixtures/relais.ts";
import { startManager } from "../../fixtures/service-manager.ts";
import { until } from "../../fixtures/until.ts";
import {
  makeWorld,
  spawnRelais,
  treeOf,
  type World,
} from "../../fixtures/world.ts";

const everySecond = `[schedule]\nevery = "1s"`;

/** What the service logged. */
async function logOf(world: World): Promise<string> {
  return (await world.relais("log", "-n", "1000")).stdout;
}

/** Asks a service to end, and expects it to do so in good order. */
async function end(relais: Deno.ChildProcess): Promise<void> {
  relais.kill("SIGTERM");
  assertEquals((await relais.status).code, 143);
}

Deno.test("the loop tells its manager that it is ready, how a pass went, that it lives, and that it ends", async () => {
  await using world = await makeWorld({ more: everySecond });
  world.write({ "a.csv": "1" });
  await world.publish();
  using manager = startManager(`${world.directory}/notify`, {
    watchdogMs: 500,
  });
  const relais = spawnRelais(["--config", world.config], {
    env: manager.env,
    stderr: "null",
  });

  await manager.hear("STATUS=Copied 1 file from production");
  await manager.hear("STATUS=Nothing new on production");
  await manager.hear("WATCHDOG=1", await manager.hear("WATCHDOG=1"));
  await end(relais);

  const said = manager.told.filter((text) => text !== "WATCHDOG=1");
  assertEquals(said[0], "READY=1");
  await manager.hear("STOPPING=1");
});

Deno.test("the loop finds a manager with an abstract name, and one that went away does not keep it from its work", async () => {
  await using world = await makeWorld({ more: everySecond });
  const manager = startManager(`@relais-test-${crypto.randomUUID()}`);
  const relais = spawnRelais(["--config", world.config], {
    env: manager.env,
    stderr: "null",
  });
  await manager.hear("READY=1");
  manager[Symbol.dispose]();

  world.write({ "a.csv": "1" });
  await world.publish();
  await until(() => "a.csv" in treeOf(world.into));

  await end(relais);
});

Deno.test("the watchdog falls silent while a module hangs", async () => {
  await using world = await makeWorld({ more: everySecond });
  await world.publish();
  using manager = startManager(`${world.directory}/notify`, {
    watchdogMs: 400,
  });
  const relais = spawnRelais(["--config", world.config], {
    env: manager.env,
    stderr: "null",
  });
  await manager.hear("WATCHDOG=1", await manager.hear("STATUS="));

  // Who opens a FIFO waits for its writer: copy-list blocks, and its heart stops.
  const journal = `${world.into}/.relais/journal`;
  new Deno.Command("mkfifo", { args: [journal] }).outputSync();
  world.write({ "a.csv": "1" });
  await world.publish();
  let silent = false;
  for (let attempt = 0; attempt < 15 && !silent; attempt++) {
    const before = manager.told.length;
    await delay(4_000);
    silent = manager.told.length === before;
  }

  assert(silent, manager.told.join(", "));
  await end(relais);
});

Deno.test("SIGHUP lets the loop go on with the configuration as it is now", async () => {
  await using world = await makeWorld({
    more: `[schedule]\nevery = "1h"`,
    replica: `exclude = ["*.tmp"]`,
  });
  world.write({ "a.csv": "1", "b.tmp": "2" });
  await world.publish();
  using manager = startManager(`${world.directory}/notify`);
  const relais = spawnRelais(["--config", world.config], {
    env: manager.env,
    stderr: "null",
  });
  const first = await manager.hear("STATUS=");
  assertEquals(Object.keys(treeOf(world.into)), ["a.csv"]);

  await Deno.writeTextFile(
    world.config,
    (await Deno.readTextFile(world.config)).replace(`["*.tmp"]`, "[]"),
  );
  relais.kill("SIGHUP");
  const reloading = await manager.hear("RELOADING=1", first);
  const ready = await manager.hear("READY=1", reloading);
  await manager.hear("STATUS=", ready);

  assertEquals(Object.keys(treeOf(world.into)).sort(), ["a.csv", "b.tmp"]);
  await end(relais);
  assertStringIncludes(await logOf(world), "reloaded ");
});

Deno.test("SIGHUP leaves things as they are when the configuration is wrong, and says what is wrong", async () => {
  await using world = await makeWorld({ more: `[schedule]\nevery = "1h"` });
  using manager = startManager(`${world.directory}/notify`);
  await world.publish();
  const relais = spawnRelais(["--config", world.config], {
    env: manager.env,
    stderr: "piped",
  });
  const stderr = new Response(relais.stderr).text();
  const first = await manager.hear("STATUS=");
  const sound = await Deno.readTextFile(world.config);

  // Two problems; then one that shows only when a module starts.
  await Deno.writeTextFile(world.config, `${sound}\n[schedul]\n[copy]\nx = 1`);
  relais.kill("SIGHUP");
  const second = await manager.hear("STATUS=", first);
  await Deno.writeTextFile(
    world.config,
    sound.replace(/^state = .*$/m, `state = "/dev/null/state"`),
  );
  relais.kill("SIGHUP");
  const third = await manager.hear("STATUS=", second);
  world.write({ "late.csv": "1" });
  await world.publish();
  await Deno.writeTextFile(world.config, sound);
  relais.kill("SIGHUP");
  await manager.hear("STATUS=Copied 1 file from production", third);

  await end(relais);
  const told = await stderr;
  assertStringIncludes(told, "schedul");
  assertStringIncludes(told, "copy.x");
  assertStringIncludes(told, "/dev/null/state");
  assertEquals(
    (await logOf(world)).match(/was refused; the previous configuration stays/g)
      ?.length,
    2,
  );
});

Deno.test("a loop that can use neither the new configuration nor the old one waits for one of them, and then holds its lock", async () => {
  await using world = await makeWorld({ more: `[schedule]\nevery = "1h"` });
  await world.publish();
  using manager = startManager(`${world.directory}/notify`);
  const relais = spawnRelais(["--config", world.config], {
    env: manager.env,
    stderr: "null",
  });
  const first = await manager.hear("STATUS=Nothing");
  const sound = await Deno.readTextFile(world.config);

  const log = `${world.directory}/replica/log`;
  await Deno.remove(log, { recursive: true });
  await Deno.writeTextFile(log, "in the way");
  await Deno.writeTextFile(
    world.config,
    sound.replace(/^state = .*$/m, `state = "/dev/null/state"`),
  );
  relais.kill("SIGHUP");
  const second = await manager.hear("STATUS=Cannot write the log", first);
  // Before the loop can go on: its next pass but one is an hour away.
  world.write({ "a.csv": "1" });
  await world.publish();
  await Deno.remove(log);
  await manager.hear("STATUS=Copied 1 file from production", second);

  await Deno.writeTextFile(world.config, sound);
  assertEquals((await world.relais("--once")).code, 7);
  await end(relais);
});

Deno.test("the loop outlives a state that cannot be used for a while", async () => {
  await using world = await makeWorld({ more: everySecond });
  await world.publish();
  using manager = startManager(`${world.directory}/notify`);
  const relais = spawnRelais(["--config", world.config], {
    env: manager.env,
    stderr: "null",
  });
  const first = await manager.hear("STATUS=Nothing new on production");

  await Deno.remove(world.state, { recursive: true });
  await Deno.writeTextFile(world.state, "in the way");
  const second = await manager.hear("STATUS=Cannot use", first);
  await Deno.remove(world.state);
  world.write({ "a.csv": "1" });
  await world.publish();
  await manager.hear("STATUS=Copied 1 file from production", second);

  await end(relais);
});

Deno.test("lines carry priorities where stderr is the journal, and only there", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const failing = ["--once", "--config", "/nonexistent.toml"];
    const file = `${directory}/stderr`;
    await Deno.writeTextFile(file, "");
    const { dev, ino } = await Deno.stat(file);
    const told = [];
    for (const JOURNAL_STREAM of [`${dev}:${ino}`, `${dev}:1`]) {
      await new Deno.Command("sh", {
        args: ["-c", `exec "$@" 2>"$0"`, file, relaisPath, ...failing],
        env: { JOURNAL_STREAM },
      }).output();
      told.push(await Deno.readTextFile(file));
    }
    assertMatch(told[0]!, /^<3>Cannot find a configuration/);
    assertMatch(told[1]!, /^relais: Cannot find a configuration/);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
