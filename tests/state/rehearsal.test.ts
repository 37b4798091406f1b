import { assertEquals, assertThrows } from "@std/assert";
import { fromFileUrl } from "@std/path";
import type { DatabaseSync } from "node:sqlite";
import { writePast } from "../../fixtures/past.ts";
import { rowsWritten } from "../../fixtures/state-writer.ts";
import { until } from "../../fixtures/until.ts";
import {
  makeWorld,
  runMeasured,
  startRelais,
  type World,
} from "../../fixtures/world.ts";
import type { Entry } from "../../lib/list/entry.ts";
import {
  databasePath,
  keepTidy,
  openState,
  rehearseState,
} from "../../lib/state/database.ts";
import type { Filter } from "../../lib/state/judge.ts";
import { lifeOf } from "../../fixtures/life.ts";
import { SynchronisedList } from "../../lib/state/synchronised-list.ts";

const everything: Filter = { wants: () => true, fingerprint: "all" };
const fewer: Filter = {
  wants: (path) => !path.includes("3"),
  fingerprint: "fewer",
};
const cursor = {
  generation: "g1",
  offset: 10,
  tail: new Uint8Array([1]),
  modified: null,
};

function entry(seq: number, path: string, more: Partial<Entry> = {}): Entry {
  const date = String(1_700_000_000 + seq) as Entry["mtime"];
  return {
    seq,
    op: "+",
    published: date,
    mtime: date,
    size: seq,
    mode: 0o644,
    digest: null,
    path,
    ...more,
  };
}

/** Writes a state in which two servers name files, some of which are here. */
async function begun(directory: string): Promise<void> {
  using db = openState(directory);
  const list = new SynchronisedList(db, everything);
  for (const server of ["production", "backup"]) {
    const reading = list.intake.begin(server, lifeOf(`g-${server}`));
    const entries = [1, 2, 3, 4, 5].map((n) => entry(n, `a/${n}`));
    list.intake.take(reading, entries, {
      ...cursor,
      generation: `g-${server}`,
      seq: 5,
    });
    await list.intake.complete(reading);
  }
  const files = [1, 2, 3, 4].map((seq) => ({
    path: `a/${seq}`,
    seq,
    fetched: true,
  }));
  list.arrived("production", files, { announce: true });
}

/** What can be done to a list of production. */
const deeds: Record<
  string,
  (list: SynchronisedList, db: DatabaseSync) => unknown
> = {
  "takes new, changed and withdrawn entries": async (list) => {
    const reading = await list.intake.resume("production");
    return list.intake.take(reading, [
      entry(6, "a/6"),
      entry(7, "a/1"),
      entry(8, "a/2", { op: "-" }),
      entry(9, "a/6", { op: "-" }),
    ], { ...cursor, seq: 9 });
  },
  "reads a list from its start that names less": async (list) => {
    const reading = list.intake.begin("production", lifeOf("g2"));
    const taken = list.intake.take(reading, [entry(1, "a/1"), entry(2, "a/9")]);
    await list.intake.complete(reading);
    return taken;
  },
  "judges by another filter": (_, db) =>
    new SynchronisedList(db, fewer).intake.resume("production"),
  "reads a list again that is no longer what it was": (list) => {
    const life = lifeOf("g-production", { renewed: true });
    const reading = list.intake.begin("production", life);
    return list.intake.take(reading, [entry(2, "a/1"), entry(1, "a/4")]);
  },
  "reads a list that confirms what is here": (list) => {
    const from = [{ generation: "g-production", seq: 9 }];
    const life = lifeOf("g3", { from, carried: 2 });
    const reading = list.intake.begin("production", life);
    return list.intake.take(reading, [entry(1, "a/1", { size: 1 })]);
  },
  "follows what was withdrawn": async (list) => {
    const reading = await list.intake.resume("production");
    list.intake.take(reading, [entry(6, "a/1", { op: "-" })], {
      ...cursor,
      seq: 6,
    });
    await list.withdrawals.follow("production", true);
  },
  "notes what fails": (list) =>
    list.failed("production", [{ path: "a/5", error: "no" }]),
};

/** What a list says of production, and all that it is made of. */
function told(list: SynchronisedList, db: DatabaseSync) {
  const { lagSeconds, ...backlog } = list.backlog("production");
  return {
    backlog,
    isLate: lagSeconds > 0,
    count: list.count(),
    cursor: list.intake.cursor("production"),
    wanted: list.wanted("production", null, 100),
    withdrawn: list.withdrawals.files("production", "", 100),
    rows: ["list", "entry", "copy", "superseded", "withdrawal"].map((table) =>
      // When a withdrawal was followed differs.
      db.prepare(`SELECT * FROM ${table} ORDER BY 1, 2`).all()
        .map((row) => ({ ...row, at: null }))
    ),
  };
}

for (const [what, deed] of Object.entries(deeds)) {
  Deno.test(`a rehearsal that ${what} comes to the same as doing it, and leaves no trace`, async () => {
    const directory = await Deno.makeTempDir();
    await begun(directory);
    const before = Deno.readFileSync(databasePath(directory));
    const rehearsed = rehearseState(directory);
    const rehearsal = new SynchronisedList(rehearsed, everything);
    const first = await deed(rehearsal, rehearsed);
    const second = told(rehearsal, rehearsed);
    rehearsed.close();
    assertEquals(Deno.readFileSync(databasePath(directory)), before);

    const db = openState(directory);
    const list = new SynchronisedList(db, everything);
    assertEquals(first, await deed(list, db));
    assertEquals(second, told(list, db));
    db.close();
    await Deno.remove(directory, { recursive: true });
  });
}

Deno.test("a rehearsal refuses to write what it has no place for", async () => {
  const directory = await Deno.makeTempDir();
  await begun(directory);
  using db = rehearseState(directory);
  assertThrows(
    () => db.exec("UPDATE copy SET size = 0"),
    Error,
    "readonly database",
  );
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a rehearsal shows the state of one moment, and holds up nobody who writes", async () => {
  const directory = await Deno.makeTempDir();
  await begun(directory);
  using db = rehearseState(directory);
  using other = openState(directory);
  const count = (db: DatabaseSync) =>
    db.prepare("SELECT count(*) AS files FROM copy").get();

  other.exec("PRAGMA busy_timeout = 0; DELETE FROM copy");

  assertEquals({ ...count(db) }, { files: 4 });
  assertEquals({ ...count(other) }, { files: 0 });
  await Deno.remove(directory, { recursive: true });
});

Deno.test("what reading lays beside a state goes with the last reader, and what a crash left stays", async () => {
  const directory = await Deno.makeTempDir();
  await begun(directory);
  const names = () => [...Deno.readDirSync(directory)].map(({ name }) => name);
  const tidy = keepTidy(directory)!;
  const db = rehearseState(directory);
  assertEquals(names().length, 3);
  db.close();
  tidy[Symbol.dispose]();
  assertEquals(names(), ["relais.db"]);

  Deno.writeTextFileSync(`${directory}/relais.db-wal`, "left by a crash");
  assertEquals(keepTidy(directory), undefined);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a state that somebody opens while it is rehearsed is sound after it", async () => {
  const directory = await Deno.makeTempDir();
  await begun(directory);
  const tidy = keepTidy(directory);
  const rehearsed = rehearseState(directory);
  const db = openState(directory);
  const put = db.prepare("INSERT INTO verification VALUES (?, 0)");
  put.run("before");
  rehearsed.close();
  tidy?.[Symbol.dispose]();
  const writer = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--no-check", "--quiet"],
      fromFileUrl(new URL("../../fixtures/state-writer.ts", import.meta.url)),
      directory,
    ],
  }).output();
  put.run("after");

  assertEquals(writer.code, 0);
  const rows = db.prepare("SELECT count(*) AS rows FROM verification").get();
  assertEquals({ ...rows }, { rows: rowsWritten + 2 });
  const check = db.prepare("PRAGMA integrity_check").get();
  assertEquals({ ...check }, { integrity_check: "ok" });
  db.close();
  await Deno.remove(directory, { recursive: true });
});

async function publishedWorld(): Promise<World> {
  const world = await makeWorld();
  world.write({ "a.csv": "1", "b.csv": "2" });
  await world.publish();
  return world;
}

Deno.test("a dry run and a check work beside a loop, and disturb nothing of it", async () => {
  await using world = await publishedWorld();
  await world.pass();
  world.configure({ more: `[schedule]\nevery = "1h"` });
  const loop = startRelais("--config", world.config);
  await until(() =>
    Deno.readTextFileSync(`${world.directory}/replica/log/relais.log`)
      .split("pass from").length === 3
  );
  world.write({ "c.csv": "3" });
  await world.publish();

  const { plan, exit } = await world.pass("--dry-run");
  const { code } = await world.relais("check");

  assertEquals([plan?.map(({ path }) => path), exit, code], [["c.csv"], 0, 0]);
  assertEquals((await world.relais("--once")).code, 7);
  loop.kill("SIGTERM");
  await loop.status;
  assertEquals((await world.pass()).copied, 1);
});

/** Lets the state know production's list as it is now. */
function readUpTo({ state, production }: World): void {
  using db = openState(state);
  const text = Deno.readTextFileSync(`${production.root}/.relais/list`);
  const bytes = new TextEncoder().encode(text);
  const generation = text.split("\t")[2]!;
  db.prepare(
    `UPDATE list SET generation = :generation, branch = :generation, seq = 1,
       "offset" = :offset, tail = :tail, filters = '[[],[]]'`,
  ).run({ generation, offset: bytes.length, tail: bytes.slice(-64) });
}

Deno.test("a check and a dry run take no more memory with 200 000 files than with few", async () => {
  const few = await makeWorld();
  const many = await makeWorld();
  const now = Math.floor(Date.now() / 1_000);
  for (const [world, files] of [[few, 10], [many, 200_000]] as const) {
    world.write({ "a.csv": "1" });
    await world.publish();
    writePast(world.state, { files, days: 0, now });
    readUpTo(world);
    // Without any, the copy would be gone.
    Deno.mkdirSync(world.into);
    Deno.writeTextFileSync(`${world.into}/a.csv`, "1");
    world.write({ "b.csv": "2" });
    await world.publish();
  }

  for (const args of [["check"], ["--once", "--dry-run"]]) {
    const [small, large] = [
      await runMeasured([...args, "--accept-shrink", "--config", few.config]),
      await runMeasured([...args, "--accept-shrink", "--config", many.config]),
    ];
    const grown = (large.peakBytes - small.peakBytes) / 1_048_576;
    assertEquals(grown < 60, true, `${args}: ${grown} MiB more`);
  }
  await few[Symbol.asyncDispose]();
  await many[Symbol.asyncDispose]();
});
