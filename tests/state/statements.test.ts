import { assertEquals } from "@std/assert";
import type { DatabaseSync } from "node:sqlite";
import { lifeOf } from "../../fixtures/life.ts";
import type { Entry } from "../../lib/list/entry.ts";
import { keepIndexOf, rehearseState } from "../../lib/state/database.ts";
import {
  prepareStatements,
  type Statements,
} from "../../lib/state/statements.ts";
import { SynchronisedList } from "../../lib/state/synchronised-list.ts";
import type { Timestamp } from "../../lib/text/timestamp.ts";

const everything = { wants: () => true, fingerprint: "everything" };

/** Statements that go through all files, or all of a server, and why they may. */
const mayWalk: Partial<Record<keyof Statements, string>> = {
  unnamed: "once for each list that is read from its start, page by page",
  page: "once for each change of the filter, page by page",
  following: "its index holds nothing but what was withdrawn",
  keepNoLonger: "its rows are those that replica.delete has kept",
  conflicts: "its index holds nothing but conflicts",
  forgetEntries: "once, when a server leaves the configuration",
  holdsAnything: "it ends at the first one",
  count: "once in a pass for which something was withdrawn",
  pending: "its index holds nothing but what is wanted",
  wantedPaths: "its index holds nothing but what is wanted",
  withdrawn: "its index holds nothing but what was withdrawn",
  countWithdrawn: "its index holds nothing but what was withdrawn",
  unannounced: "its index holds nothing but what no hook was told of",
};

function entry(index: number, more: Partial<Entry> = {}): Entry {
  return {
    seq: index + 1,
    op: "+",
    published: String(1_000 + index) as Timestamp,
    mtime: String(index) as Timestamp,
    size: 10 * index,
    mode: 0o644,
    digest: `sha256:${index}` as Entry["digest"],
    path: `directory-${index % 10}/file-${index}.csv`,
    ...more,
  };
}

/** Has two servers name `count` files; production's come, and every tenth is withdrawn. */
async function fill(list: SynchronisedList, count: number): Promise<void> {
  const entries = Array.from({ length: count }, (_, index) => entry(index));
  for (const server of ["production", "backup"]) {
    const reading = list.intake.begin(server, lifeOf(server));
    list.intake.take(reading, entries);
    await list.intake.complete(reading);
  }
  arrive(list, entries);
  const gone = entries.filter((_, index) => index % 10 === 0);
  await withdraw(list, gone);
}

function arrive(list: SynchronisedList, entries: readonly Entry[]): void {
  const files = entries.map(({ path, seq }) => ({ path, seq, fetched: true }));
  list.arrived("production", files, { announce: true });
}

async function withdraw(list: SynchronisedList, files: readonly Entry[]) {
  const lines = files.map(({ path, seq }) =>
    entry(1_000_000 + seq, { path, op: "-", size: 0, mode: null, digest: null })
  );
  list.intake.take(await list.intake.resume("production"), lines);
}

/** Names the statements that go through all files, or all files of a server. */
function walkers(db: DatabaseSync): string[] {
  const statements = Object.entries(prepareStatements(db));
  return statements.filter(([, { sourceSQL }]) =>
    db.prepare(`EXPLAIN QUERY PLAN ${sourceSQL}`).all()
      .some(({ detail }) => isWalk(String(detail)))
  ).map(([name]) => name);
}

/**
 * Whether one step of a plan visits each file. `ANY(server)` visits each
 * server, which SQLite does only where it knows that there are few.
 */
function isWalk(step: string): boolean {
  return /^SCAN (entry|copy|other)\b/.test(step) ||
    /^SEARCH (entry|copy|other) .*\((ANY\(server\)|server=\?\)$)/.test(step);
}

for (const how of ["as it is", "with statistics"]) {
  Deno.test(`no statement of the synchronised list goes through all files for a few of them, in a state ${how}`, async () => {
    using db = rehearseState("/nonexistent");
    keepIndexOf(db, "smallest");
    await fill(new SynchronisedList(db, everything), 5_000);
    if (how === "with statistics") db.exec("ANALYZE");

    const walking = walkers(db).filter((name) => !(name in mayWalk));

    assertEquals(walking, []);
  });
}

Deno.test("SynchronisedList commits 50 000 removals, page by page, and lets no other server bring them back", async () => {
  using db = rehearseState("/nonexistent");
  const list = new SynchronisedList(db, everything);
  const entries = Array.from({ length: 50_000 }, (_, index) => entry(index));
  for (
    const [server, names] of [["production", entries], [
      "backup",
      entries.slice(0, 10),
    ]] as const
  ) {
    const reading = list.intake.begin(server, lifeOf(server));
    list.intake.take(reading, [...names, entry(50_000, { path: "stays" })]);
    await list.intake.complete(reading);
  }
  arrive(list, [...entries, entry(50_000, { path: "stays" })]);
  await withdraw(list, entries);

  const counted = list.withdrawals.count("production");
  const pages = [];
  for (let after = "";;) {
    const page = list.withdrawals.files("production", after, 2_000);
    if (page.length === 0) break;
    list.withdrawals.removed(page.map(({ path }) => path));
    pages.push(page.length);
    after = page.at(-1)!.path;
  }

  assertEquals(counted, 50_000);
  assertEquals(pages, Array(25).fill(2_000));
  assertEquals([list.withdrawals.count("production"), list.count()], [0, 1]);
  assertEquals(list.backlog("backup").pending, 0);
});

Deno.test("SynchronisedList wants 50 000 files again, those that a server names", () => {
  using db = rehearseState("/nonexistent");
  const list = new SynchronisedList(db, everything);
  const entries = Array.from({ length: 50_000 }, (_, index) => entry(index));
  list.intake.take(
    list.intake.begin("production", lifeOf("production")),
    entries,
  );
  arrive(list, entries);

  const wanted = list.refetch([...entries.map(({ path }) => path), "unknown"]);

  assertEquals([wanted.size, wanted.has("unknown")], [50_000, false]);
  assertEquals(list.backlog("production").pending, 50_000);
});

Deno.test("isWalk() knows a statement that goes through all files", () => {
  using db = rehearseState("/nonexistent");
  const plan = db.prepare(
    "EXPLAIN QUERY PLAN DELETE FROM entry WHERE path = ? AND standing = 'withdrawn'",
  ).all();
  assertEquals(plan.map(({ detail }) => isWalk(String(detail))), [true]);
});
