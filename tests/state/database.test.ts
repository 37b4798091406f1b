import {
  assertEquals,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { until } from "../../fixtures/until.ts";
import {
  makeWorld,
  startRelais,
  treeOf,
  type World,
} from "../../fixtures/world.ts";
import { DamagedStateError } from "../../lib/errors.ts";
import {
  databasePath,
  ensureState,
  openState,
  readState,
  rehearseState,
} from "../../lib/state/database.ts";
import { migrate, schemaVersion, versionOf } from "../../lib/state/schema.ts";

/** A replica with some files, which each test leaves sound to the next. */
let copied: World;

Deno.test.beforeAll(async () => {
  copied = await makeWorld();
  const files = Array.from(
    { length: 200 },
    (_, index) => [`d${index % 5}/${index}.csv`, `${index}\n`.repeat(50)],
  );
  copied.write(Object.fromEntries(files));
  await copied.publish();
  assertEquals((await copied.pass()).copied, 200);
});

Deno.test.afterAll(() => copied[Symbol.asyncDispose]());

function namesIn(directory: string): string[] {
  return [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
}

/** Moves everything into the one file. */
function checkpoint(path: string): void {
  using db = new DatabaseSync(path);
  db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
}

const damages: [string, (path: string) => void][] = [
  [
    "has pages that were overwritten",
    (path) => {
      using file = Deno.openSync(path, { write: true });
      const { size } = file.statSync();
      // The first page still tells SQLite that this is a database.
      file.seekSync(4_096, Deno.SeekMode.Start);
      file.writeSync(new Uint8Array(size - 4_096).fill(0xa5));
    },
  ],
  [
    "is a text",
    (path) => Deno.writeTextFileSync(path, "not a database\n".repeat(1_000)),
  ],
  ["was cut in the middle", (path) => Deno.truncateSync(path, 5_000)],
  ["is empty", (path) => Deno.truncateSync(path, 0)],
  [
    "is a database of somebody else",
    (path) => {
      Deno.removeSync(path);
      using db = new DatabaseSync(path);
      db.exec(`CREATE TABLE song (name TEXT); PRAGMA user_version = 1`);
    },
  ],
];

for (const [what, damage] of damages) {
  Deno.test(`a state that ${what} is set aside, told, and rebuilt without fetching again`, async () => {
    const world = copied;
    checkpoint(`${world.state}/relais.db`);
    damage(`${world.state}/relais.db`);
    const { size } = Deno.statSync(`${world.state}/relais.db`);
    const before = namesIn(world.state);
    world.write({ [`new, when it ${what}.csv`]: "new\n" });
    await world.publish();

    const { stderr, stdout, code } = await world.relais("--once", "--json");

    assertEquals(code, 0, stderr);
    assertMatch(stderr, /It is kept as \S+\.damaged-\S+; a new one is made/);
    const report = JSON.parse(stdout);
    assertEquals([report.copied, report.errors.length], [1, 1]);
    assertEquals(treeOf(world.into), treeOf(world.production.root));
    const [aside] = namesIn(world.state).filter((name) =>
      /damaged-[0-9T-]+$/.test(name) && !before.includes(name)
    );
    assertEquals(Deno.statSync(`${world.state}/${aside}`).size, size);
    assertEquals((await world.pass()).exit, 0);
  });
}

Deno.test("a dry run leaves a damaged state where it is, and says so with exit 4", async () => {
  const world = copied;
  const path = `${world.state}/relais.db`;
  checkpoint(path);
  const sound = Deno.readFileSync(path);
  Deno.writeTextFileSync(path, "no database");
  const before = namesIn(world.state);

  const { code, stderr } = await world.relais("--once", "--dry-run");
  Deno.writeFileSync(path, sound);

  assertEquals(code, 4);
  assertStringIncludes(stderr, "it sets the state aside and makes a new one");
  assertEquals(namesIn(world.state), before);
});

Deno.test("a state that a newer relais wrote is left alone, with exit 4", async () => {
  const world = copied;
  using db = new DatabaseSync(`${world.state}/relais.db`);
  db.exec(`PRAGMA user_version = ${schemaVersion + 1}`);

  for (const args of [["--once"], ["--once", "--dry-run"], ["status"]]) {
    const { code, stderr } = await world.relais(...args);
    assertEquals(code, 4, args.join(" "));
    assertStringIncludes(stderr, "a newer relais wrote it");
  }
  assertEquals(versionOf(db), schemaVersion + 1);
  db.exec(`PRAGMA user_version = ${schemaVersion}`);
});

Deno.test("a state that is removed while relais runs is made anew, and locked anew", async () => {
  await using world = await makeWorld({ more: `[schedule]\nevery = "1s"` });
  world.write({ "a.csv": "1" });
  await world.publish();
  const relais = startRelais("--config", world.config);
  await until(() => lastReport(world)?.copied === 1);

  // At once: what is removed file by file may get new ones meanwhile.
  Deno.renameSync(world.state, `${world.directory}/removed`);
  world.write({ "b.csv": "2" });
  await world.publish();
  await until(() =>
    lastReport(world) !== undefined && "b.csv" in treeOf(world.into)
  );
  const second = await world.relais("--once");
  relais.kill("SIGTERM");
  await relais.status;

  assertEquals(second.code, 7);
  const next = await world.pass();
  assertEquals([next.copied, next.exit], [0, 0]);
});

Deno.test("an error that lasts is logged once, and told by every pass", async () => {
  const world = copied;
  const list = `${world.production.root}/.relais/list`;
  const whole = Deno.readFileSync(list);
  Deno.truncateSync(list, 1_000);

  const exits = [];
  for (let pass = 0; pass < 3; pass++) exits.push((await world.pass()).exit);
  const { stdout } = await world.relais(
    "log",
    "-n",
    "1000",
    "--level",
    "error",
  );
  Deno.writeFileSync(list, whole);

  assertEquals(exits, [5, 5, 5]);
  assertEquals(stdout.match(/Refused the list of/g)?.length, 1);
});

Deno.test("migrate() leads from each earlier schema to the same one, and loses no row", () => {
  const made = new DatabaseSync(":memory:");
  migrate(made);
  for (let version = 1; version <= schemaVersion; version++) {
    using db = new DatabaseSync(":memory:");
    migrate(db, version);
    db.exec(`INSERT INTO memory VALUES ('key', 'kept')`);
    migrate(db);
    assertEquals(schemaOf(db), schemaOf(made), `from ${version}`);
    assertEquals(versionOf(db), schemaVersion);
    assertEquals(
      db.prepare("SELECT value FROM memory").all().map(({ value }) => value),
      ["kept"],
    );
  }
});

Deno.test("openState() brings an earlier state up to date, and rehearseState() only its copy in memory", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/relais.db`;
  for (let version = 1; version < schemaVersion; version++) {
    const db = new DatabaseSync(path);
    migrate(db, version);
    db.close();
    rehearseState(directory).close();
    const untouched = new DatabaseSync(path);
    assertEquals(versionOf(untouched), version);
    untouched.close();
    openState(directory).close();
    using now = readState(directory)!;
    assertEquals(versionOf(now), schemaVersion);
    await Deno.remove(path);
  }
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a dry run can rehearse another copy.order", async () => {
  const world = copied;
  world.configure({ more: `[copy]\norder = "smallest"` });
  assertEquals((await world.pass("--dry-run")).exit, 0);
  world.configure();
});

function schemaOf(db: DatabaseSync): unknown {
  return db.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY name")
    .all();
}

function lastReport(world: World): { copied: number } | undefined {
  try {
    using db = readState(world.state);
    return db?.prepare("SELECT copied FROM pass ORDER BY started LIMIT 1")
      .get() as { copied: number } | undefined;
  } catch {
    // It is being made.
    return undefined;
  }
}

Deno.test("ensureState() makes a state that is missing, leaves one that is there, and refuses an empty one", async () => {
  const directory = await Deno.makeTempDir();
  const path = databasePath(directory);
  ensureState(directory);
  const made = Deno.readFileSync(path);
  ensureState(directory);

  assertEquals(made.length > 0, true);
  assertEquals(Deno.readFileSync(path), made);
  const db = openState(directory);
  assertEquals(versionOf(db), schemaVersion);
  db.close();
  Deno.truncateSync(path);
  assertThrows(() => ensureState(directory), DamagedStateError, "is empty");
  await Deno.remove(directory, { recursive: true });
});

Deno.test("readState() takes a state that is just being made for none", async () => {
  const directory = await Deno.makeTempDir();
  const db = new DatabaseSync(databasePath(directory));
  db.exec("PRAGMA journal_mode = WAL");
  assertEquals(readState(directory), undefined);
  db.close();
  await Deno.remove(directory, { recursive: true });
});
