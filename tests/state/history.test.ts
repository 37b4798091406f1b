import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import { DatabaseSync } from "node:sqlite";
import { passReport } from "../../fixtures/pass-report.ts";
import { makeWorld, nimble } from "../../fixtures/world.ts";
import { csvHeader } from "../../lib/stat/csv.ts";
import { type Period, periodsOf, sum } from "../../lib/stat/periods.ts";
import { narrow, spark } from "../../lib/stat/spark.ts";
import { beginOf, beginsOf, type Hours } from "../../lib/stat/step.ts";
import {
  hoursSince,
  lastPasses,
  lastSuccess,
  passesSince,
  recordPass,
} from "../../lib/state/history.ts";
import { migrate } from "../../lib/state/schema.ts";

/** Ten o'clock, in seconds since the epoch. */
const ten = Date.UTC(2026, 10, 23, 10) / 1_000;

function emptyState(): DatabaseSync {
  const db = new DatabaseSync(":memory:");
  migrate(db);
  return db;
}

function period(more: Partial<Period>): Period {
  return { start: 0, servers: [], ...sum([]), passes: 1, ...more };
}

Deno.test("recordPass() adds the passes of an hour up, for each server", () => {
  using db = emptyState();
  const failed = [{ path: "a", error: "no" }];
  recordPass(db, ten + 1, passReport({ copied: 3, bytes: 30 }), 0);
  recordPass(
    db,
    ten + 60.5,
    passReport({ copied: 1, bytes: 5, failed, exit: 1, lag_seconds: 90 }),
    0,
  );
  recordPass(db, ten + 120, passReport({ server: "backup", copied: 2 }), 0);
  recordPass(db, ten + 3_600, passReport({ server: null, exit: 3 }), 0);

  const all = hoursSince(db, ten);

  assertEquals(
    all.map(({ hour, server, passes, bad }) => [hour, server, passes, bad]),
    [
      [ten, "backup", 1, 0],
      [ten, "production", 2, 1],
      [ten + 3_600, null, 1, 1],
    ],
  );
  const { files, bytes, failures, seconds, lag_seconds, wire_bytes } = all[1]!;
  assertEquals(
    { files, bytes, failures, seconds, lag_seconds, wire_bytes },
    {
      files: 4,
      bytes: 35,
      failures: 1,
      seconds: 0.5,
      lag_seconds: 90,
      wire_bytes: 3_000,
    },
  );
});

Deno.test("recordPass() forgets what is older than it is told to keep, and keeps all if told 0", () => {
  using db = emptyState();
  const day = 86_400;
  for (let age = 10; age >= 0; age--) {
    recordPass(db, ten - age * day, passReport(), 0);
  }
  assertEquals([...passesSince(db, 0)].length, 11);

  recordPass(db, ten + 1, passReport(), 5 * day * 1_000);

  const kept = [...passesSince(db, 0)].map(({ started }) => started);
  assertEquals(kept[0], ten - 4 * day);
  assertEquals(kept.length, 6);
  assertEquals(hoursSince(db, 0).length, 6);
});

Deno.test("lastPasses() gives back what failed, and no more than a hundred files of it", () => {
  using db = emptyState();
  const failed = Array.from(
    { length: 250 },
    (_, index) => ({ path: `${index}.csv`, error: "permission denied" }),
  );
  recordPass(
    db,
    ten,
    passReport({ failed, errors: ["Cannot go on"], exit: 1 }),
    0,
  );

  const [pass] = lastPasses(db, 5);

  assertEquals(pass!.failures, 250);
  assertEquals(pass!.failed, failed.slice(0, 100));
  assertEquals(pass!.errors, ["Cannot go on"]);
});

Deno.test("a pass that found nothing takes no more than 80 bytes", () => {
  using db = emptyState();
  const passes = 20_000;
  for (let minute = 0; minute < passes; minute++) {
    recordPass(db, ten + minute * 60, passReport(), 0);
  }
  const { bytes } = db.prepare(
    "SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size",
  ).get() as { bytes: number };
  assert(bytes / passes < 80, `${bytes / passes} bytes`);
});

Deno.test("lastSuccess() says when the last good pass ended", () => {
  using db = emptyState();
  assertEquals(lastSuccess(db), null);
  recordPass(db, ten, passReport({ exit: 3 }), 0);
  assertEquals(lastSuccess(db), null);
  recordPass(db, ten + 60, passReport({ seconds: 2 }), 0);
  recordPass(db, ten + 7_200, passReport({ exit: 3 }), 0);
  assertEquals(lastSuccess(db), ten + 62);
});

Deno.test("migrate() takes the passes of the first schema over, and adds their hours up", () => {
  using db = new DatabaseSync(":memory:");
  migrate(db, 1);
  const put = db.prepare("INSERT INTO pass VALUES (?, ?)");
  const failed = [{ path: "a\n", error: 'no "a"' }];
  const trouble = passReport({ copied: 2, failed, errors: ["x"], exit: 1 });
  put.run(ten + 0.5, JSON.stringify(trouble));
  put.run(ten + 60, JSON.stringify(passReport({ copied: 1, lag_seconds: 7 })));
  put.run(ten + 120, JSON.stringify(passReport({ server: null, exit: 3 })));

  migrate(db);

  using same = emptyState();
  recordPass(same, ten + 0.5, trouble, 0);
  recordPass(same, ten + 60, passReport({ copied: 1, lag_seconds: 7 }), 0);
  recordPass(same, ten + 120, passReport({ server: null, exit: 3 }), 0);
  assertEquals(lastPasses(db, 9), lastPasses(same, 9));
  assertEquals(hoursSince(db, 0), hoursSince(same, 0));
});

Deno.test("beginsOf() covers every moment once, whatever the step", () => {
  const moment = fc.integer({ min: 1_500_000_000, max: 2_000_000_000 });
  const anyStep = fc.constantFrom<Hours>(1, 6, 24);
  fc.assert(fc.property(moment, moment, anyStep, (a, b, hours) => {
    const until = Math.min(Math.max(a, b), Math.min(a, b) + 40 * 86_400);
    const begins = beginsOf(hours, Math.min(a, b), until);
    assert(begins[0]! <= Math.min(a, b));
    for (const [index, begin] of begins.entries()) {
      assertEquals(beginOf(hours, begin), begin);
      if (index > 0) assert(begin > begins[index - 1]!);
    }
    assertEquals(begins.at(-1), beginOf(hours, until));
  }));
});

Deno.test("beginsOf() has days of 23 and of 25 hours where clocks change", async () => {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      `import { beginsOf } from "${new URL(
        "../../lib/stat/step.ts",
        import.meta.url,
      )}";
      const begins = beginsOf(24, Date.UTC(2026, 2, 28) / 1e3, Date.UTC(2026, 2, 31) / 1e3);
      console.log(JSON.stringify(begins.map((begin, at) => at && (begin - begins[at - 1]) / 3600)));`,
    ],
    env: { TZ: "Europe/Paris" },
  }).output();
  assertEquals(JSON.parse(new TextDecoder().decode(stdout)), [0, 24, 23, 24]);
});

Deno.test("periodsOf() loses nothing, and shows the hours without a pass", () => {
  const hours = [0, 1, 5, 30].map((index) => ({
    hour: ten + index * 3_600,
    server: index === 5 ? null : "production",
    ...sum([]),
    passes: 60,
    files: index + 1,
  }));
  for (const step of [1, 6, 24] as const) {
    const periods = periodsOf(hours, step, ten, ten + 40 * 3_600);
    assertEquals(sum(periods).files, 1 + 2 + 6 + 31, `${step}`);
    assert(periods.some(({ passes }) => passes === 0) || step === 24);
  }
});

Deno.test("spark() tells nothing, zero, little and most apart", () => {
  const figures = [0, 1, 50, 100].map((files) => period({ files }));
  assertEquals(
    spark([...figures, period({ passes: 0 })], ({ files }) => files),
    "▁▂▄█ ",
  );
});

Deno.test("narrow() keeps the sums, and is no wider than asked", () => {
  fc.assert(fc.property(
    fc.array(fc.nat(1_000), { minLength: 1, maxLength: 300 }),
    fc.integer({ min: 1, max: 100 }),
    (files, width) => {
      const periods = files.map((count) => period({ files: count }));
      const columns = narrow(periods, width);
      assert(columns.length <= width);
      assertEquals(sum(columns).files, sum(periods).files);
    },
  ));
});

Deno.test("relais stat --since tells passes and failover, as a table, as JSON and as CSV", async () => {
  await using world = await makeWorld({
    servers: ["production", "backup"],
    more: nimble,
    resident: true,
  });
  for (const server of world.servers) {
    world.write({ "a.csv": "1\n", "b.csv": "22\n" }, server);
    await world.publish(server);
  }
  await world.pass();
  await world.pass();
  await world.production.sshd.stop();
  await world.pass();

  const json = await world.relais("stat", "--since", "1h", "--json");
  const csv = await world.relais(
    "stat",
    "--since",
    "1h",
    "--by",
    "pass",
    "--csv",
  );
  const { stdout, code } = await world.relais("stat", "--since", "1h");

  const { total, periods, by } = JSON.parse(json.stdout);
  assertEquals([total.passes, total.files, total.bytes], [3, 2, 5]);
  assertEquals(by, "hour");
  assertEquals(
    new Set(periods.flatMap(({ servers }: Period) => servers)),
    new Set(["backup", "production"]),
  );
  const lines = csv.stdout.trim().split("\n");
  assertEquals(lines[0], csvHeader);
  assertEquals(
    lines.slice(1).map((line) => line.split(",")[1]),
    ["production", "production", "backup"],
  );
  assertEquals(code, 0);
  assertMatch(stdout, /^3 passes, 0 failed; 2 files copied, 5 B;/);
  assertMatch(stdout, /^files {4}\|[▁▂▃▄▅▆▇█ ]+\| 2 at most$/m);
  assertMatch(
    stdout,
    /^20\d\d-\d\d-\d\dT\d\d:\d\dZ +(backup|production)/m,
  );
});

Deno.test("relais stat --since shows no ages in which there was no relais", async () => {
  await using world = await makeWorld();
  await world.pass();

  const json = await world.relais("stat", "--since", "1000000d", "--json");
  const { code, stdout } = await world.relais("stat", "--since", "1000000d");

  const { since, until, total } = JSON.parse(json.stdout);
  assertEquals(total.passes, 1);
  assertEquals(Math.floor((until - since) / 86_400), 366);
  assertEquals(code, 0);
  assertMatch(stdout, /^1 pass(?:es)?, 0 failed;/);
});

Deno.test("relais stat --csv needs --since", async () => {
  await using world = await makeWorld();
  const { code, stderr } = await world.relais("stat", "--csv");
  assertEquals(code, 2);
  assertMatch(stderr, /--csv without --since/);
});
