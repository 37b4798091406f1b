import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { faults } from "../../fixtures/schemas.ts";
import { until } from "../../fixtures/until.ts";
import {
  makeWorld,
  nimble,
  startRelais,
  type World,
} from "../../fixtures/world.ts";

/** One replica runs the passes of a test. */
const resident = true;

/** Lets on_new add what it is told to a file, and fail if it is to. */
function hook(world: World, { fails = false } = {}): void {
  world.configure({
    more: `[hooks]\non_new = ["sh", "-c", "cat >> ${heardIn(world)}; exit ${
      fails ? 3 : 0
    }"]`,
  });
}

function heardIn(world: World): string {
  return `${world.directory}/heard`;
}

/** What on_new was told since this was asked last. */
async function heard(world: World): Promise<string[]> {
  const names = await Deno.readTextFile(heardIn(world)).catch(() => "");
  await Deno.writeTextFile(heardIn(world), "");
  return names.split("\0").slice(0, -1).sort();
}

Deno.test("what a hook failed to take is announced though no server is left, and once", async () => {
  await using world = await makeWorld({ more: nimble, resident });
  hook(world, { fails: true });
  world.write({ "a.csv": "1", "b.csv": "2" });
  await world.publish();
  assertEquals((await world.pass()).exit, 1);
  await heard(world);

  hook(world);
  await world.production.sshd.stop();
  const { exit } = await world.pass();

  assertEquals(exit, 3);
  assertEquals(await heard(world), ["a.csv", "b.csv"]);
  await world.pass();
  assertEquals(await heard(world), []);
});

Deno.test("what a hook failed to take is announced by a pass from a server that has nothing new", async () => {
  await using world = await makeWorld({
    servers: ["production", "backup"],
    more: nimble,
    resident,
  });
  hook(world, { fails: true });
  await world.publish();
  await world.publish(world.backup);
  await world.production.sshd.stop();
  assertEquals((await world.pass()).server, "backup");
  await world.production.sshd.start();
  world.write({ "a.csv": "1" });
  await world.publish();
  assertEquals((await world.pass()).copied, 1);
  await heard(world);

  hook(world);
  await world.production.sshd.stop();
  const { server } = await world.pass();

  assertEquals([server, await heard(world)], ["backup", ["a.csv"]]);
});

Deno.test("a file that is adopted before its announcement worked is announced", async () => {
  await using world = await makeWorld({ resident });
  hook(world, { fails: true });
  world.write({ "a.csv": "1" });
  await world.publish();
  await world.pass();
  await heard(world);
  Deno.utimeSync(
    `${world.production.data}/a.csv`,
    1_800_000_000,
    1_800_000_000,
  );
  await world.publish();

  hook(world);
  const { adopted, exit } = await world.pass() as
    & Awaited<ReturnType<typeof world.pass>>
    & { adopted: number };

  assertEquals([adopted, exit], [1, 0]);
  assertEquals(await heard(world), ["a.csv"]);
});

Deno.test("an unchanged pass, and one without a server, tell the lag that status tells", async () => {
  await using world = await makeWorld({
    servers: ["production", "backup"],
    more: nimble,
    resident,
  });
  world.write({ "a.csv": "1" });
  await world.publish();
  await world.publish(world.backup);
  await Deno.remove(`${world.production.root}/a.csv`);
  await world.pass();
  await world.production.sshd.stop();
  await world.pass();
  const lag = async () => {
    const { stdout } = await world.relais("status", "--json");
    return JSON.parse(stdout).lag_seconds as number;
  };
  await until(async () => await lag() > 1);

  for (const serves of ["backup", null]) {
    if (serves === null) await world.backup.sshd.stop();
    const before = await lag();
    const { server, seen, lag_seconds } = await world.pass();
    const after = await lag();
    assertEquals([server, seen], [serves, 0]);
    assert(Math.floor(before) <= lag_seconds, `${before} ${lag_seconds}`);
    assert(lag_seconds <= Math.ceil(after), `${lag_seconds} ${after}`);
  }
});

Deno.test("a refused line keeps every pass at exit 1, and is named, until a later line replaces it", async () => {
  await using world = await makeWorld({ resident });
  world.write({ "a.csv": "1" });
  await world.publish();
  const list = `${world.production.root}/.relais/list`;
  const add = (line: string) =>
    Deno.writeTextFileSync(list, `${line}\n`, { append: true });
  await world.pass();
  add("2\t+\t1\t1\tmany\t0644\t-\tb.csv");
  const named = "after line 1: its size is not a number of bytes";

  for (let pass = 0; pass < 3; pass++) {
    const { exit, refused, refusals } = await refusedBy(world);
    assertEquals([exit, refused, refusals], [1, 1, [named]], `pass ${pass}`);
  }
  const { code, stderr } = await world.relais("--once");
  assertEquals(code, 1);
  assertStringIncludes(stderr, named);
  assertEquals((await refusedBy(world, "--dry-run")).refusals, [named]);

  Deno.writeTextFileSync(`${world.production.root}/b.csv`, "2");
  add("3\t+\t1\t1\t1\t0644\t-\tb.csv");
  const { exit, copied, refused } = await refusedBy(world);
  assertEquals([exit, copied, refused], [0, 1, 0]);
  assertEquals((await refusedBy(world)).exit, 0);
});

Deno.test("a refused line is forgotten when the list is read from its start, without it", async () => {
  await using world = await makeWorld({ resident });
  world.write({ "a.csv": "1" });
  await world.publish();
  const list = `${world.production.root}/.relais/list`;
  Deno.writeTextFileSync(list, "2\ttoo few fields\n", { append: true });
  assertEquals((await refusedBy(world)).exit, 1);
  assertEquals((await refusedBy(world)).exit, 1);

  await Deno.remove(list);
  await world.publish();

  assertEquals((await refusedBy(world)).exit, 0);
});

Deno.test("a list of nothing but refused lines fills no state", async () => {
  await using world = await makeWorld({ resident });
  await world.publish();
  const list = `${world.production.root}/.relais/list`;
  Deno.writeTextFileSync(list, "x\n".repeat(5_000), { append: true });

  const { refused, refusals } = await refusedBy(world);
  const later = await refusedBy(world);

  assertEquals([refused, refusals.length], [5_000, 20]);
  assertEquals([later.exit, later.refused], [1, 1_000]);
});

Deno.test("a file that stays away from one server is named by each pass from another one", async () => {
  await using world = await makeWorld({
    servers: ["production", "backup"],
    more: nimble,
    resident,
  });
  world.write({ "a.csv": "1", "b.csv": "2" });
  await world.publish();
  await world.publish(world.backup);
  await Deno.remove(`${world.production.root}/a.csv`);
  assertEquals((await world.pass()).failed.map(({ path }) => path), ["a.csv"]);
  await world.production.sshd.stop();

  for (let pass = 0; pass < 3; pass++) {
    const { server, exit, failed } = await world.pass();
    assertEquals(
      [server, exit, failed.map(({ path }) => path)],
      ["backup", 1, ["a.csv"]],
      `pass ${pass}`,
    );
  }
});

async function refusedBy(world: World, ...args: string[]) {
  return await world.pass(...args) as
    & Awaited<ReturnType<typeof world.pass>>
    & { refused: number; refusals: string[] };
}

Deno.test("--once --json prints its object when it cannot begin, too", async () => {
  await using world = await makeWorld();
  const told = async (...args: string[]) => {
    const { code, stdout, stderr } = await world.relais(
      ...["--once", "--json", ...args],
    );
    assertEquals(await faults("pass", stdout), [], stdout);
    const { exit, errors } = JSON.parse(stdout);
    assertEquals(exit, code);
    assertEquals(stdout.trim().split("\n").length, 1);
    assert(stderr !== "");
    return { code, errors: errors.join("\n") };
  };
  const sound = await Deno.readTextFile(world.config);

  await Deno.writeTextFile(world.config, `${sound}\n[copy]\nparalel = 1`);
  for (const args of [[], ["--dry-run"]]) {
    const { code, errors } = await told(...args);
    assertEquals(code, 2);
    assertStringIncludes(errors, "paralel");
  }
  await Deno.writeTextFile(
    world.config,
    sound.replace(/^state = .*$/m, `state = "/dev/null/state"`),
  );
  assertEquals((await told()).code, 4);
  await Deno.remove(world.config);
  assertEquals((await told()).code, 2);

  world.configure({ more: `[schedule]\nevery = "1h"` });
  const loop = startRelais("--config", world.config);
  await until(() =>
    Deno.readTextFileSync(`${world.directory}/replica/log/relais.log`)
      .includes("pass from")
  );
  assertEquals((await told()).code, 7);
  loop.kill("SIGTERM");
  await loop.status;
});
