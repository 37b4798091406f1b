import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { clockAhead } from "../../fixtures/clock.ts";
import { relais, typed } from "../../fixtures/relais.ts";
import { until } from "../../fixtures/until.ts";
import { readState } from "../../lib/state/database.ts";
import { readCursor } from "../../lib/state/cursor.ts";
import {
  makeWorld,
  nimble,
  startRelais,
  treeOf,
  type World,
  type WorldServer,
} from "../../fixtures/world.ts";

/** A replica of production and its backup; with `more` lines in `[replica]`. */
function twoServers(more = ""): Promise<World> {
  return makeWorld({
    servers: ["production", "backup"],
    replica: more,
    more: nimble,
    resident: true,
  });
}

/** Writes a source file with a date, in seconds since the epoch. */
function write(server: WorldServer, path: string, text: string, date: number) {
  Deno.writeTextFileSync(`${server.data}/${path}`, text);
  Deno.utimeSync(`${server.data}/${path}`, date, date);
}

/** Brings backup's files up to date with production's. */
async function replicate({ production, backup }: World): Promise<void> {
  await Deno.remove(backup.data, { recursive: true });
  await new Deno.Command("cp", { args: ["-a", production.data, backup.data] })
    .output();
}

/** Brings production's export to backup, list and all. */
async function replicateExport({ production, backup }: World): Promise<void> {
  await Deno.remove(backup.root, { recursive: true });
  await new Deno.Command("cp", { args: ["-a", production.root, backup.root] })
    .output();
}

function here(world: World): Record<string, string> {
  return Object.fromEntries(
    Object.entries(treeOf(world.into)).map(([path, { text }]) => [path, text]),
  );
}

/** Runs a pass; returns where files came from, the exit status, and what is here. */
async function pass(world: World) {
  const { server, exit } = await world.pass();
  return [server, exit, here(world)];
}

Deno.test("a file restored with an older date stays, through a failover to a backup that lags and back", async () => {
  await using world = await twoServers();
  const { production, backup } = world;
  write(production, "a.csv", "newer\n", 1_700_000_000);
  await replicate(world);
  await world.publish();
  await world.publish(backup);
  await world.pass();
  write(production, "a.csv", "restored\n", 1_600_000_000);
  await world.publish();
  const restored = await pass(world);
  await production.sshd.stop();
  const failedOver = await pass(world);
  await production.sshd.start();
  const back = await pass(world);

  const files = { "a.csv": "restored\n" };
  assertEquals([restored, failedOver, back], [
    ["production", 0, files],
    ["backup", 0, files],
    ["production", 0, files],
  ]);
});

Deno.test("a newer file of production comes, though its backup has written on its list meanwhile", async () => {
  await using world = await twoServers();
  const { production, backup } = world;
  write(production, "a.csv", "1\n", 1_700_000_000);
  await world.publish();
  await world.pass();
  await replicate(world);
  await replicateExport(world);
  await production.sshd.stop();
  for (let number = 1; number <= 5; number++) {
    write(backup, `b${number}.csv`, "b\n", 1_700_000_100);
  }
  write(backup, "a.csv", "2, on backup\n", 1_700_000_200);
  await world.publish(backup);
  const failedOver = await world.pass();
  write(production, "a.csv", "3, on production\n", 1_700_000_300);
  await world.publish();
  await production.sshd.start();
  const back = await world.pass();

  assertEquals([failedOver.copied, failedOver.exit], [6, 0]);
  assertEquals([back.server, back.exit], ["production", 0]);
  assertEquals(here(world)["a.csv"], "3, on production\n");
});

Deno.test("a withdrawn file does not come back from a backup that still names it, and leaves no lag", async () => {
  await using world = await twoServers(
    `delete = "remove"\nmax_delete = "100%"`,
  );
  const { production, backup } = world;
  for (const path of ["a.csv", "b.csv", "never-here.csv"]) {
    write(production, path, "1\n", 1_700_000_000);
  }
  await replicate(world);
  await world.publish(backup);
  await Deno.remove(`${production.data}/never-here.csv`);
  await world.publish();
  write(production, "never-here.csv", "1\n", 1_700_000_000);
  await world.publish();
  await Deno.remove(`${production.data}/never-here.csv`);
  await world.publish();
  await world.pass();
  await Deno.remove(`${production.data}/a.csv`);
  await world.publish();
  const withdrawn = await pass(world);
  await production.sshd.stop();
  const failedOver = await pass(world);
  await production.sshd.start();
  const back = await world.pass();
  const why = await world.relais("why", "a.csv");
  const nagios = await world.relais("status", "--nagios", "--max-lag", "1s");

  const files = { "b.csv": "1\n" };
  assertEquals([withdrawn, failedOver], [
    ["production", 0, files],
    ["backup", 0, files],
  ]);
  assertEquals([back.exit, back.lag_seconds, here(world)], [0, 0, files]);
  assertMatch(why.stdout, /a\.csv is not here\.\nproduction has withdrawn it/);
  assertEquals(nagios.code, 0, nagios.stdout);
});

Deno.test("a file that only backup ever named goes when backup withdraws it, though production serves again", async () => {
  await using world = await twoServers(
    `delete = "remove"\nmax_delete = "100%"`,
  );
  const { production, backup } = world;
  write(production, "a.csv", "1\n", 1_700_000_000);
  await replicate(world);
  await world.publish();
  await world.publish(backup);
  await world.pass();
  await production.sshd.stop();
  write(backup, "b.csv", "2\n", 1_700_000_100);
  await world.publish(backup);
  const failedOver = await pass(world);
  await production.sshd.start();
  const back = await pass(world);
  await replicate(world);
  await world.publish(backup);
  const { removed, exit } = await world.pass();

  assertEquals([failedOver, back], [
    ["backup", 0, { "a.csv": "1\n", "b.csv": "2\n" }],
    ["production", 0, { "a.csv": "1\n", "b.csv": "2\n" }],
  ]);
  assertEquals([removed, exit, here(world)], [1, 0, { "a.csv": "1\n" }]);
});

Deno.test("what a server named that is no longer configured is neither wanted nor lag", async () => {
  await using world = await twoServers();
  const { production, backup } = world;
  write(production, "a.csv", "1\n", 1_700_000_000);
  await world.publish();
  write(backup, "only-on-backup.csv", "1\n", 1_700_000_000);
  await world.publish(backup);
  await world.pass();
  const text = Deno.readTextFileSync(world.config);
  Deno.writeTextFileSync(
    world.config,
    text.replace(/\[\[server\]\]\nname = "backup".*?(?=\[replica\])/s, ""),
  );
  const report = await world.pass();
  const why = await world.relais("why", "only-on-backup.csv");

  assertEquals([report.exit, report.lag_seconds], [0, 0]);
  assertMatch(why.stdout, /No server/);
});

Deno.test("a conflict is told by every pass, status and why, until relais resolve ends it", async () => {
  await using world = await twoServers();
  const { production, backup } = world;
  const path = "a b.csv";
  write(production, path, "of production\n", 1_700_000_000);
  write(backup, path, "of backup\n", 1_700_000_000);
  await world.publish();
  await world.publish(backup);
  await world.pass();
  await production.sshd.stop();

  const exits = [
    (await world.pass()).exit,
    (await world.pass()).exit,
    (await world.relais("status", "--nagios")).code,
  ];
  const why = await world.relais("why", path);
  const unknown = await world.relais("resolve", path, "--from", "nobody");
  const [, command] = /"(relais resolve .* --from backup .*)"/.exec(
    why.stdout,
  )!;
  const resolved = await typed(command!);
  const after = await pass(world);
  await production.sshd.start();
  const back = await pass(world);
  const again = await world.relais("resolve", path, "--from", "backup");

  assertEquals(exits, [5, 5, 2]);
  assertEquals([unknown.code, resolved.code, again.code], [2, 0, 5]);
  assertStringIncludes(unknown.stderr, "production, backup");
  const files = { [path]: "of backup\n" };
  assertEquals([after, back], [["backup", 0, files], ["production", 0, files]]);
});

Deno.test("a conflict that is resolved for what is here ends without a transfer, and a later edit comes", async () => {
  await using world = await twoServers();
  const { production, backup } = world;
  write(production, "a.csv", "of production\n", 1_700_000_000);
  write(backup, "a.csv", "of backup\n", 1_700_000_000);
  await world.publish();
  await world.publish(backup);
  await world.pass();
  await production.sshd.stop();
  await world.pass();
  const resolved = await world.relais(
    ...["resolve", "a.csv", "--from", "production"],
  );
  const after = await pass(world);
  write(backup, "a.csv", "edited on backup\n", 1_700_000_001);
  await world.publish(backup);
  const edited = await pass(world);

  assertEquals(resolved.code, 0);
  assertEquals([after, edited], [
    ["backup", 0, { "a.csv": "of production\n" }],
    ["backup", 0, { "a.csv": "edited on backup\n" }],
  ]);
});

Deno.test("a pass that was killed while it read a compacted list withdraws what the list no longer names", async () => {
  await using world = await twoServers(
    `delete = "remove"\nmax_delete = "100%"`,
  );
  const { production } = world;
  compactFrom(production, "1KB");
  for (let number = 0; number < 3_000; number++) {
    write(production, `f${number}.csv`, "1\n", 1_700_000_000);
  }
  await world.publish();
  await world.pass();
  for (let number = 0; number < 1_600; number++) {
    Deno.removeSync(`${production.data}/f${number}.csv`);
  }
  await world.publish();
  const list = `${production.root}/.relais/list`;
  assertStringIncludes(Deno.readTextFileSync(list), "#carried 1400");
  world.link(production, { bytesPerSecond: 40_000 });
  await world.end();
  const reader = startRelais("--once", "--config", world.config);
  await until(() => bytesRead(world) !== Deno.statSync(list).size);
  reader.kill("SIGKILL");
  await reader.status;
  const cutOff = bytesRead(world);
  const whole = await world.pass();
  const settled = await world.pass();

  assertEquals(cutOff > 0 && cutOff < Deno.statSync(list).size, true);
  assertEquals([whole.exit, whole.lag_seconds, whole.removed], [0, 0, 1_600]);
  assertEquals(Object.keys(here(world)).length, 1_400);
  assertEquals([settled.exit, settled.seen, settled.removed], [0, 0, 0]);
});

/** Bytes of production's list that have been read since it was compacted; its size while none was. */
function bytesRead({ state, production }: World): number {
  using db = readState(state)!;
  const list = `${production.root}/.relais/list`;
  const { generation, offset } = readCursor(db, "production")!;
  const text = Deno.readTextFileSync(list);
  const isNew = text.startsWith(`relais-list\t1\t${generation}\t`);
  return isNew && offset > 0 ? offset : text.length;
}

function compactFrom({ config }: WorldServer, size: string): void {
  const text = Deno.readTextFileSync(config);
  const compact = `[publish]\ncompact = "${size}"`;
  Deno.writeTextFileSync(config, text.replace("[publish]", compact));
}

Deno.test("a publisher whose clock was set back, and that compacts in the same run, is followed in the order of its lines", async () => {
  await using world = await twoServers();
  const { production, backup } = world;
  compactFrom(production, "1KB");
  // A few lines of it are enough for that.
  const path = "a".repeat(200);
  write(production, path, "1\n", 1_700_000_000);
  await replicate(world);
  await world.publish();
  await world.publish(backup);
  await world.pass();
  const list = `${production.root}/.relais/list`;
  const generations = new Set<string>();
  for (let number = 2; generations.size < 3; number++) {
    write(production, path, `${number}\n`, 1_700_000_000 - number);
    // Whoever publishes believes that it is a day earlier each time.
    const { code } = await relais(
      ["publish", "--once", "--config", production.config],
      { env: clockAhead(-86_400 * number) },
    );
    assertEquals(code, 0);
    generations.add(Deno.readTextFileSync(list).split("\t")[2]!);
    const followed = await pass(world);
    assertEquals(followed, ["production", 0, { [path]: `${number}\n` }]);
  }
  const newest = here(world);
  await production.sshd.stop();
  const failedOver = await pass(world);

  assertEquals(failedOver, ["backup", 0, newest]);
});

Deno.test("what another server's list has gained is read when the active one's work is done", async () => {
  await using world = await twoServers();
  const { production, backup } = world;
  write(production, "a.csv", "1\n", 1_700_000_000);
  await replicate(world);
  await world.publish();
  await world.pass();
  write(backup, "b.csv", "1\n", 1_700_000_000);
  await world.publish(backup);
  const report = await world.pass();
  const why = await world.relais("why", "b.csv");
  const idle = await world.pass();

  assertEquals([report.server, report.exit, report.lag_seconds], [
    ...["production", 0, 0],
  ]);
  assertMatch(
    why.stdout,
    /backup lists .*: it is fetched when backup is the active/,
  );
  assertEquals([idle.exit, idle.seen], [0, 0]);
});
