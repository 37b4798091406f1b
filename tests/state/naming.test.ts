import { assertEquals } from "@std/assert";
import type { DatabaseSync } from "node:sqlite";
import type { Entry } from "../../lib/list/entry.ts";
import { rehearseState } from "../../lib/state/database.ts";
import { lifeOf } from "../../fixtures/life.ts";
import { SynchronisedList } from "../../lib/state/synchronised-list.ts";
import type { Timestamp } from "../../lib/text/timestamp.ts";

const latin1 = "caf%E9";
const utf8 = "café";

function emptyState(): DatabaseSync {
  return rehearseState("/nonexistent");
}

function listOf(db: DatabaseSync, charset: string | null = "latin1") {
  const filter = { wants: () => true, fingerprint: "" };
  return new SynchronisedList(db, filter, { charset });
}

function line(seq: number, op: Entry["op"], path: string): Entry {
  return {
    seq,
    op,
    path,
    size: seq,
    mode: null,
    digest: null,
    mtime: String(seq) as Timestamp,
    published: String(seq) as Timestamp,
  };
}

/** Takes lines in, one after the other, as the whole list of a server. */
async function read(
  list: SynchronisedList,
  lines: readonly Entry[],
  { server = "production", generation = "g1" } = {},
): Promise<void> {
  const reading = list.intake.begin(server, lifeOf(generation));
  for (const each of lines) list.intake.take(reading, [each]);
  await list.intake.complete(reading);
}

/** Fetches what is wanted; returns what is fetched from where, as `path < path on the server`. */
function fetchAll(list: SynchronisedList, server = "production"): string[] {
  const wanted = list.wanted(server, null, 100);
  const files = wanted.map(({ path, seq }) => ({ path, seq, fetched: true }));
  list.arrived(server, files, { announce: false });
  return wanted.map(({ path, remote }) => `${path} < ${remote ?? path}`);
}

function withdrawn(list: SynchronisedList): string[] {
  return list.withdrawals.files("production", "", 100).map(({ path }) => path);
}

Deno.test("a name that was not UTF-8 is kept under the name that it reads", async () => {
  const list = listOf(emptyState());
  await read(list, [line(1, "+", latin1), line(2, "+", "100%E9 %")]);
  assertEquals(fetchAll(list), [`${utf8} < ${latin1}`, "100%E9 % < 100%E9 %"]);
});

for (
  const [order, lines] of [
    ["first", [line(1, "+", latin1), line(2, "+", utf8)]],
    ["last", [line(1, "+", utf8), line(2, "+", latin1)]],
  ] as const
) {
  Deno.test(`the file that is really called so has the name, and the one that comes ${order} its %XX form`, async () => {
    const list = listOf(emptyState());
    await read(list, lines);
    assertEquals(fetchAll(list).sort(), [
      `${latin1} < ${latin1}`,
      `${utf8} < ${utf8}`,
    ]);
    assertEquals(fetchAll(list), []);
  });
}

Deno.test("a file that is displaced after it came is fetched under its other name", async () => {
  const list = listOf(emptyState());
  await read(list, [line(1, "+", latin1)]);
  fetchAll(list);
  list.intake.take(await list.intake.resume("production"), [
    line(2, "+", utf8),
  ]);

  assertEquals(fetchAll(list), [
    `${latin1} < ${latin1}`,
    `${utf8} < ${utf8}`,
  ]);
  assertEquals([list.count(), withdrawn(list)], [2, []]);
});

Deno.test("each of two files that read alike is withdrawn by its own line", async () => {
  for (const [gone, stays] of [[latin1, utf8], [utf8, latin1]] as const) {
    const list = listOf(emptyState());
    await read(list, [line(1, "+", latin1), line(2, "+", utf8)]);
    fetchAll(list);
    const reading = await list.intake.resume("production");

    list.intake.take(reading, [line(3, "-", gone)]);
    assertEquals(withdrawn(list), [gone]);
    list.withdrawals.removed([gone]);
    list.intake.take(reading, [line(4, "+", stays)]);

    assertEquals(fetchAll(list), [`${stays} < ${stays}`]);
    assertEquals(list.count(), 1);
  }
});

Deno.test("a readable file is withdrawn by the line of its %XX form", async () => {
  const list = listOf(emptyState());
  await read(list, [line(1, "+", latin1)]);
  fetchAll(list);
  list.intake.take(await list.intake.resume("production"), [
    line(2, "-", latin1),
  ]);
  assertEquals(withdrawn(list), [utf8]);
});

Deno.test("a backup that has the name in UTF-8 stands in for the one that has not", async () => {
  const list = listOf(emptyState());
  await read(list, [line(1, "+", latin1)]);
  await read(list, [line(1, "+", utf8)], { server: "backup", generation: "b" });
  assertEquals(fetchAll(list), [`${utf8} < ${latin1}`]);
  assertEquals(fetchAll(list, "backup"), []);
});

Deno.test("another charset has the list read again, and the other names withdrawn", async () => {
  const db = emptyState();
  const before = listOf(db, null);
  await read(before, [line(1, "+", latin1), line(2, "+", "plain")]);
  fetchAll(before);
  const after = listOf(db);

  assertEquals(after.intake.cursor("production"), undefined);
  await read(after, [line(1, "+", latin1), line(2, "+", "plain")]);

  assertEquals(fetchAll(after), [`${utf8} < ${latin1}`]);
  assertEquals(withdrawn(after), [latin1]);
  assertEquals(listOf(db).intake.cursor("production")?.generation, "g1");
});
