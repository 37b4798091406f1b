import { assert, assertEquals, assertThrows } from "@std/assert";
import { LocalError } from "../../lib/errors.ts";
import { StatsBlock } from "../../lib/worker/stats-block.ts";
import {
  readSnapshot,
  restore,
  type Snapshot,
  takeSnapshot,
  writeSnapshot,
} from "../../lib/stat/snapshot.ts";

async function inTemporaryDirectory(
  test: (directory: string) => Promise<void> | void,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await test(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** A block in which something has happened. */
function busyBlock(): StatsBlock {
  const block = StatsBlock.create();
  block.section("copy-list").begin();
  block.section("copy-list").add("heartbeat", 12);
  block.section("copy-list").together({ files_copied: 3, bytes_copied: 12288 });
  block.section("stat").set("lag", 1_500);
  block.section("log").add("in_flight", 4);
  return block;
}

/** A snapshot with one figure in it. */
function snapshotWith(value: unknown): Snapshot {
  const empty = takeSnapshot(StatsBlock.create());
  const copyList = { ...empty.modules["copy-list"], bytes_copied: value };
  const modules = { ...empty.modules, "copy-list": copyList };
  return { ...empty, modules } as Snapshot;
}

Deno.test("takeSnapshot() gives durations and dates in seconds", () => {
  const { modules } = takeSnapshot(busyBlock());

  assertEquals(modules["stat"].lag, 1.5);
  assert(Math.abs(modules["copy-list"].started! - Date.now() / 1_000) < 3_600);
});

Deno.test("readSnapshot() returns what writeSnapshot() was given", async () => {
  await inTemporaryDirectory(async (directory) => {
    const path = `${directory}/stat.json`;
    const servers = [{
      name: "production",
      verdict: "up",
      active: true,
      probed: 1_790_000_000,
      seconds: 0.035,
      list: { size: 4_711, mtime: 1_789_999_999 },
    }] as const;
    const snapshot = takeSnapshot(busyBlock(), servers);

    writeSnapshot(path, takeSnapshot(StatsBlock.create()));
    writeSnapshot(path, snapshot);

    assertEquals(await readSnapshot(path), { snapshot });
    assertEquals([...Deno.readDirSync(directory)].length, 1);
  });
});

Deno.test("writeSnapshot() writes through nothing that lies in its way", async () => {
  await inTemporaryDirectory(async (directory) => {
    const precious = `${directory}/precious`;
    await Deno.writeTextFile(precious, "mine");
    await Deno.symlink(precious, `${directory}/.stat.json.tmp`);

    writeSnapshot(`${directory}/stat.json`, takeSnapshot(busyBlock()));

    assertEquals(await Deno.readTextFile(precious), "mine");
    assert((await readSnapshot(`${directory}/stat.json`)).snapshot);
  });
});

Deno.test("writeSnapshot() says which file it cannot write", async () => {
  await inTemporaryDirectory((directory) => {
    const path = `${directory}/missing/stat.json`;

    const error = assertThrows(
      () => writeSnapshot(path, takeSnapshot(busyBlock())),
      LocalError,
      `Cannot write "${path}"`,
    );

    assert(error.hint?.includes(`${directory}/missing`));
  });
});

Deno.test("readSnapshot() finds nothing where there is no file", async () => {
  await inTemporaryDirectory(async (directory) => {
    assertEquals(await readSnapshot(`${directory}/stat.json`), {});
  });
});

Deno.test("readSnapshot() says why a damaged file is of no use", async () => {
  await inTemporaryDirectory(async (directory) => {
    const path = `${directory}/stat.json`;
    const whole = JSON.stringify(takeSnapshot(busyBlock()));
    const damaged = [
      "",
      whole.slice(0, 100),
      "null",
      "[]",
      '{"taken":1,"uptime":1,"modules":{}}',
      JSON.stringify(snapshotWith("12")),
      whole.replace('"files_copied":3', '"files_copied":1e999'),
    ];

    for (const text of damaged) {
      await Deno.writeTextFile(path, text);
      const { snapshot, problem } = await readSnapshot(path);
      assertEquals(snapshot, undefined, text);
      assert(problem?.startsWith(`Cannot use "${path}"`), text);
    }
  });
});

Deno.test("restore() lets counters go on and gauges stay", () => {
  const block = StatsBlock.create();

  restore(block, takeSnapshot(busyBlock()));
  block.section("copy-list").together({ files_copied: 1, bytes_copied: 1 });

  assertEquals(block.section("copy-list").get("files_copied"), 4n);
  assertEquals(block.section("copy-list").get("bytes_copied"), 12289n);
  assertEquals(block.section("stat").get("lag"), 1_500n);
});

Deno.test("restore() does not go on twice when stat is replaced", () => {
  const block = StatsBlock.create();
  const snapshot = takeSnapshot(busyBlock());

  restore(block, snapshot);
  restore(StatsBlock.attach(block.buffer, "stat"), snapshot);

  assertEquals(block.section("copy-list").get("files_copied"), 3n);
});

Deno.test("restore() leaves the signs of life at zero", () => {
  const block = StatsBlock.create();

  restore(block, takeSnapshot(busyBlock()));

  const { heartbeat, started } = block.section("copy-list").snapshot();
  const in_flight = block.section("log").get("in_flight");
  assertEquals([heartbeat, started, in_flight], [0n, 0n, 0n]);
});

Deno.test("restore() passes over values that no replica reaches", () => {
  for (const value of [-1, 2 ** 63, 1e300]) {
    const block = StatsBlock.create();

    restore(block, snapshotWith(value));

    assertEquals(block.section("copy-list").get("bytes_copied"), 0n);
  }
});

Deno.test("restore() lets counters go on past 2^53", () => {
  const block = StatsBlock.create();

  restore(block, snapshotWith(2 ** 53 + 2));

  assertEquals(block.section("copy-list").get("bytes_copied"), 2n ** 53n + 2n);
});

Deno.test("restore() keeps counters growing over many processes", () => {
  let snapshot = takeSnapshot(StatsBlock.create());
  for (let process = 1; process <= 5; process++) {
    const block = StatsBlock.create();
    restore(block, snapshot);
    block.section("stat").add("passes_done", 1);
    snapshot = takeSnapshot(block);

    assertEquals(snapshot.modules.stat.passes_done, process);
  }
});
