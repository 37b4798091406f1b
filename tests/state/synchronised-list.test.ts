import { assertEquals } from "@std/assert";
import type { Entry } from "../../lib/list/entry.ts";
import { rehearseState } from "../../lib/state/database.ts";
import type { Filter } from "../../lib/state/judge.ts";
import { lifeOf } from "../../fixtures/life.ts";
import { SynchronisedList } from "../../lib/state/synchronised-list.ts";
import type { Timestamp } from "../../lib/text/timestamp.ts";

const everything: Filter = { wants: () => true, fingerprint: "everything" };

/** A state in memory. */
function emptyState() {
  return rehearseState("/nonexistent");
}

function entry(seq: number, path: string, more: Partial<Entry> = {}): Entry {
  return {
    seq,
    op: "+",
    published: String(1_000 + seq) as Timestamp,
    mtime: String(seq) as Timestamp,
    size: 10 * seq,
    mode: 0o644,
    digest: null,
    path,
    ...more,
  };
}

function withdrawal(seq: number, path: string): Entry {
  return entry(seq, path, { op: "-", size: 0, mode: null });
}

function paths(wanted: readonly { path: string }[]): string[] {
  return wanted.map(({ path }) => path);
}

/** Reads `entries` as the whole list of `server`, and takes them for fetched where `fetch` says so. */
async function read(
  list: SynchronisedList,
  server: string,
  entries: Entry[],
  life = lifeOf(server),
) {
  const reading = list.intake.begin(server, life);
  const taken = list.intake.take(reading, entries);
  await list.intake.complete(reading);
  return taken;
}

/** All files on the replica that `server` has withdrawn. */
function withdrawn(list: SynchronisedList, server: string): string[] {
  return paths(list.withdrawals.files(server, "", 100));
}

function fetchAll(list: SynchronisedList, server: string) {
  const files = list.wanted(server, null, 100).map(({ path, seq }) => ({
    path,
    seq,
    fetched: true,
  }));
  list.arrived(server, files, { announce: true });
  return files.length;
}

Deno.test("SynchronisedList wants what is not here, in order of publication", async () => {
  const list = new SynchronisedList(emptyState(), everything);

  const taken = await read(list, "production", [entry(1, "b"), entry(2, "a")]);

  assertEquals(taken, { seen: 2, new: 2, skipped: 0 });
  assertEquals(paths(list.wanted("production", null, 10)), ["b", "a"]);
  assertEquals(paths(list.wanted("production", { seq: 1, size: 0 }, 10)), [
    "a",
  ]);
});

Deno.test("SynchronisedList wants nothing twice", async () => {
  const list = new SynchronisedList(emptyState(), everything);
  await read(list, "production", [entry(1, "a"), entry(2, "b")]);
  fetchAll(list, "production");

  const again = await read(
    list,
    "production",
    [entry(1, "a"), entry(2, "b")],
    lifeOf("g2"),
  );

  assertEquals(again, { seen: 2, new: 0, skipped: 0 });
  assertEquals(list.backlog("production").pending, 0);
});

Deno.test("SynchronisedList wants only the last version of a path", async () => {
  const list = new SynchronisedList(emptyState(), everything);
  await read(list, "production", [entry(1, "a"), entry(2, "a")]);

  const [wanted, ...others] = list.wanted("production", null, 10);

  assertEquals([wanted?.seq, others.length], [2, 0]);
});

Deno.test("SynchronisedList does not fetch from backup what came from production", async () => {
  const list = new SynchronisedList(emptyState(), everything);
  await read(list, "production", [entry(1, "a"), entry(2, "b")]);
  fetchAll(list, "production");

  const taken = await read(list, "backup", [
    entry(1, "a"),
    entry(2, "b", { mtime: "1" as Timestamp, size: 7 }),
    entry(3, "c"),
  ]);

  assertEquals(taken, { seen: 3, new: 1, skipped: 1 });
  assertEquals(paths(list.wanted("backup", null, 10)), ["c"]);
});

Deno.test("SynchronisedList no longer wants from production what came from backup", async () => {
  const list = new SynchronisedList(emptyState(), everything);
  await read(list, "production", [entry(1, "a")]);
  await read(list, "backup", [entry(1, "a")]);

  fetchAll(list, "backup");

  assertEquals(list.wanted("production", null, 10), []);
});

Deno.test("SynchronisedList says how late the replica is by the oldest entry not here", async () => {
  const list = new SynchronisedList(emptyState(), everything);
  const published = String(Date.now() / 1_000 - 600).slice(0, 14) as Timestamp;
  await read(list, "production", [
    entry(1, "a", { published }),
    entry(2, "b", { published: "1" as Timestamp }),
  ]);
  const [, second] = list.wanted("production", null, 10);
  list.arrived("production", [{ path: "b", seq: second!.seq, fetched: true }], {
    announce: false,
  });

  const { pending, bytes, lagSeconds } = list.backlog("production");

  assertEquals([pending, bytes, Math.round(lagSeconds / 60)], [1, 10, 10]);
});

Deno.test("SynchronisedList knows what was withdrawn by a line", async () => {
  const list = new SynchronisedList(emptyState(), everything);
  const reading = list.intake.begin("production", lifeOf("g"));
  list.intake.take(reading, [entry(1, "a"), entry(2, "b")]);
  await list.intake.complete(reading);
  fetchAll(list, "production");

  list.intake.take(await list.intake.resume("production"), [
    withdrawal(3, "a"),
  ]);

  assertEquals(withdrawn(list, "production"), ["a"]);
  list.withdrawals.removed(["a"]);
  assertEquals([withdrawn(list, "production"), list.count()], [[], 1]);
});

Deno.test("SynchronisedList knows what a new generation no longer names", async () => {
  const list = new SynchronisedList(emptyState(), everything);
  await read(list, "production", [entry(1, "a"), entry(2, "b")], lifeOf("g1"));
  fetchAll(list, "production");

  await read(list, "production", [entry(1, "b", entry(2, "b"))], lifeOf("g2"));

  assertEquals(withdrawn(list, "production"), ["a"]);
});

Deno.test("SynchronisedList removes what it has kept for long, and counts it once, whoever has withdrawn it", async () => {
  const db = emptyState();
  const list = new SynchronisedList(db, everything);
  const { withdrawals } = list;
  const entries = [entry(1, "a"), entry(2, "b")];
  await read(list, "production", entries);
  fetchAll(list, "production");
  await read(list, "backup", entries);
  for (const server of ["production", "backup"]) {
    list.intake.take(
      await list.intake.resume(server),
      entries.map(({ path }, index) => withdrawal(index + 3, path)),
    );
    await withdrawals.follow("production", true);
  }
  db.exec("UPDATE withdrawal SET at = 0");

  await withdrawals.follow("production", true);
  await withdrawals.follow("production", false);

  assertEquals(withdrawn(list, "production"), ["a", "b"]);
  assertEquals(withdrawals.count("production"), 2);
});

Deno.test("SynchronisedList does not take what backup never had for withdrawn", async () => {
  const list = new SynchronisedList(emptyState(), everything);
  await read(list, "production", [entry(1, "a"), entry(2, "b")]);
  fetchAll(list, "production");

  await read(list, "backup", [entry(1, "a")]);

  assertEquals(withdrawn(list, "backup"), []);
});

Deno.test("SynchronisedList wants a withdrawn file again when it is published again", async () => {
  const list = new SynchronisedList(emptyState(), everything);
  await read(list, "production", [entry(1, "a")]);
  fetchAll(list, "production");

  list.intake.take(await list.intake.resume("production"), [
    withdrawal(2, "a"),
    entry(3, "a"),
  ]);

  assertEquals(withdrawn(list, "production"), []);
  assertEquals(paths(list.wanted("production", null, 10)), ["a"]);
});

Deno.test("SynchronisedList skips what the filter excludes, and wants it once the filter changes", async () => {
  const db = emptyState();
  const csv: Filter = {
    wants: (path) => path.endsWith(".csv"),
    fingerprint: "csv",
  };
  const before = new SynchronisedList(db, csv);
  const taken = await read(before, "production", [
    entry(1, "a.csv"),
    entry(2, "b.pdf"),
  ]);
  fetchAll(before, "production");

  const after = new SynchronisedList(db, everything);
  await after.intake.resume("production");

  assertEquals(taken, { seen: 2, new: 1, skipped: 1 });
  assertEquals(paths(after.wanted("production", null, 10)), ["b.pdf"]);
});

Deno.test("SynchronisedList announces what was fetched, once, and not what was adopted", async () => {
  const list = new SynchronisedList(emptyState(), everything);
  await read(list, "production", [entry(1, "a"), entry(2, "b")]);
  list.arrived("production", [
    { path: "a", seq: 1, fetched: true },
    { path: "b", seq: 2, fetched: false },
  ], { announce: true });

  const before = list.unannounced();
  list.announced(before);

  assertEquals([before, list.unannounced()], [["a"], []]);
});

Deno.test("SynchronisedList goes on where it was left", () => {
  const list = new SynchronisedList(emptyState(), everything);
  const cursor = {
    generation: "g",
    offset: 120,
    tail: new Uint8Array([1, 2, 10]),
    seq: 1,
    modified: null,
  };

  list.intake.take(list.intake.begin("production", lifeOf("g")), [
    entry(1, "a"),
  ], cursor);

  assertEquals(list.intake.cursor("production"), cursor);
});
