import { assert, assertEquals } from "@std/assert";
import type { DatabaseSync } from "node:sqlite";
import { writePast } from "../../fixtures/past.ts";
import { openState, readState } from "../../lib/state/database.ts";
import {
  hoursSince,
  lastPasses,
  lastSuccess,
} from "../../lib/state/history.ts";
import {
  bytesRead,
  failingFiles,
  newestFiles,
  totals,
} from "../../lib/state/overview.ts";
import { readSituation } from "../../lib/status/situation.ts";

const now = 1_790_000_000;

async function withPast(
  past: Parameters<typeof writePast>[1],
  test: (db: DatabaseSync, directory: string) => void,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  writePast(directory, past);
  {
    using db = readState(directory)!;
    test(db, directory);
  }
  await Deno.remove(directory, { recursive: true });
}

/** Returns how SQLite goes about each statement that `work` prepares. */
function plansOf(db: DatabaseSync, work: () => void): string[] {
  const texts: string[] = [];
  const prepare = db.prepare;
  db.prepare = (text, ...more) => {
    texts.push(text);
    return prepare.call(db, text, ...more);
  };
  try {
    work();
  } finally {
    db.prepare = prepare;
  }
  return texts.flatMap((text) =>
    (db.prepare(`EXPLAIN QUERY PLAN ${text}`).all() as { detail: string }[])
      .map(({ detail }) => detail)
  );
}

Deno.test("what relais status asks goes through no table that grows", async () => {
  await withPast({ files: 100, failing: 2, days: 2, now }, (db) => {
    const plans = plansOf(db, () => {
      readSituation(db, { into: "/", republish: false, isShared: false }, {
        passes: 5,
        failing: 20,
        nextPass: () => undefined,
      });
      newestFiles(db, 50);
    });
    const scans = plans.filter((plan) => plan.startsWith("SCAN"));
    const allowed = [
      "SCAN list",
      "SCAN tally",
      "SCAN hour",
      "SCAN CONSTANT ROW",
      // As many as there are servers.
      "SCAN json_each VIRTUAL TABLE INDEX 1:",
      "SCAN (subquery-1)",
      // Only from its end, and no further than it must.
      "SCAN pass",
      // No more than is wanted, or has failed.
      "SCAN entry USING INDEX entry_failing",
      "SCAN entry USING COVERING INDEX entry_failing",
      "SCAN copy USING COVERING INDEX copy_newest",
    ];
    assertEquals(scans.filter((plan) => !allowed.includes(plan)), []);
    assert(plans.some((plan) => plan.includes("entry_oldest")), `${plans}`);
  });
});

Deno.test("totals() counts what is there", async () => {
  const past = { files: 500, failing: 3, waiting: 4, days: 1, now };
  await withPast(past, (db) => {
    const { bytes, ...counts } = totals(db, "production");
    assertEquals(counts, { here: 500, pending: 7, failed: 3 });
    const really = db.prepare("SELECT sum(size) AS bytes FROM copy").get()!;
    assertEquals({ ...really }, { bytes });
    assertEquals(totals(db, "backup").pending, 0);
  });
});

Deno.test("the tally follows files that come, are replaced, and go", async () => {
  const directory = await Deno.makeTempDir();
  writePast(directory, { files: 10, days: 1, now });
  const db = openState(directory);
  const tally = () => {
    const { here, bytes } = totals(db, null);
    return [here, bytes];
  };
  const [, before] = tally();
  const put = (size: number) =>
    db.prepare(
      "INSERT OR REPLACE INTO copy VALUES ('a', 'production', 1, 'g', '1', '1', ?, 0, NULL, 1, 1)",
    ).run(size);
  put(100);
  assertEquals(tally(), [11, before! + 100]);
  put(7);
  assertEquals(tally(), [11, before! + 7]);
  db.exec("DELETE FROM copy WHERE path = 'a'");
  assertEquals(tally(), [10, before]);
  db.close();
  await Deno.remove(directory, { recursive: true });
});

Deno.test("newestFiles() finds the youngest, and those whose name contains a text", async () => {
  await withPast({ files: 3_000, days: 1, now }, (db) => {
    const newest = newestFiles(db, 10);
    assertEquals(newest.length, 10);
    const arrived = newest.map((file) => file.arrived);
    assertEquals(arrived, arrived.toSorted((a, b) => b - a));
    const { last } = db.prepare("SELECT max(arrived) AS last FROM copy")
      .get() as { last: number };
    assertEquals(arrived[0], last);
    assertEquals(newestFiles(db, 10, "0001234").length, 1);
    assertEquals(newestFiles(db, 5, "PHARMACIE").length, 5);
    for (const text of ["%", "_", "\\", "nothing"]) {
      assertEquals(newestFiles(db, 5, text), [], text);
    }
  });
});

Deno.test("a past is read back as it was written", async () => {
  await withPast({ files: 10, failing: 30, days: 40, now }, (db) => {
    assertEquals(lastPasses(db, 3).map(({ started }) => now - started), [
      60,
      120,
      180,
    ]);
    assert(now - lastSuccess(db)! < 61);
    assertEquals(failingFiles(db, 20).length, 20);
    assertEquals(bytesRead(db), new Map([["production", 44_100]]));
    const servers = new Set(hoursSince(db, 0).map(({ server }) => server));
    assertEquals(servers, new Set([null, "backup", "production"]));
  });
});
