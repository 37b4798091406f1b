import { assert, assertEquals, assertThrows } from "@std/assert";
import { delay } from "@std/async/delay";
import type { SectionTask } from "../../fixtures/stats/section-worker.ts";
import { type ModuleName, moduleNames } from "../../lib/worker/protocol.ts";
import { StatsBlock } from "../../lib/worker/stats-block.ts";
import { places } from "../../lib/worker/stats-layout.ts";
import { Semaphore, semaphoreWords } from "../../lib/worker/semaphore.ts";

Deno.test("StatsBlock.attach() shows the figures of the block it is given", () => {
  const block = StatsBlock.create();
  const attached = StatsBlock.attach(block.buffer, "copy-list");

  attached.section("copy-list").add("files_copied", 3);

  assertEquals(block.section("copy-list").get("files_copied"), 3n);
  assertEquals(attached.created, block.created);
});

Deno.test("StatsBlock.attach() refuses memory of another layout", () => {
  const { buffer } = StatsBlock.create();
  const other = new SharedArrayBuffer(buffer.byteLength);
  new Uint8Array(other).set(new Uint8Array(buffer));
  new Int32Array(other)[2]! ^= 1;

  assertThrows(() => StatsBlock.attach(other), TypeError, "another version");
  assertThrows(
    () => StatsBlock.attach(new SharedArrayBuffer(8)),
    TypeError,
    "another version",
  );
});

Deno.test("Section keeps figures of different modules apart", () => {
  const block = StatsBlock.create();

  block.section("synchro-list").add("wire_bytes", 1);
  block.section("copy-list").add("wire_bytes", 2);

  assertEquals(block.section("test-server").get("wire_bytes"), 0n);
  assertEquals(block.section("synchro-list").get("wire_bytes"), 1n);
  assertEquals(block.section("copy-list").get("wire_bytes"), 2n);
});

Deno.test("Section.add() returns what the figure is now", () => {
  const log = StatsBlock.create().section("log");

  log.add("in_flight", 5);

  assertEquals(log.add("in_flight", -2), 3n);
});

Deno.test("Section.add() counts exactly past 2^31, 2^32 and 2^53", () => {
  for (const power of [31, 32, 53]) {
    const section = StatsBlock.create().section("copy-list");
    section.add("bytes_copied", 2 ** power - 1);

    section.add("bytes_copied", 1);
    section.together({ bytes_copied: 1, files_copied: 1 });

    assertEquals(section.get("bytes_copied"), 2n ** BigInt(power) + 1n);
    assertEquals(section.snapshot().bytes_copied, 2n ** BigInt(power) + 1n);
  }
});

Deno.test("Section.add() does not let a counter shrink", () => {
  const section = StatsBlock.create().section("copy-list");

  assertThrows(
    () => section.add("files_copied", -1),
    RangeError,
    "files_copied",
  );
  assertEquals(section.get("files_copied"), 0n);
});

Deno.test("Section.together() adds to counters and sets gauges", () => {
  const section = StatsBlock.create().section("synchro-list");

  section.together({ lines_read: 2, pending: 7 });
  section.together({ lines_read: 3, pending: 4 });

  const { lines_read, pending } = section.snapshot();
  assertEquals({ lines_read, pending }, { lines_read: 5n, pending: 4n });
});

Deno.test("Section.begin() starts the heart of a module anew", () => {
  const section = StatsBlock.create().section("log");
  section.add("heartbeat", 9);

  section.begin();

  assertEquals(section.get("heartbeat"), 0n);
  assert(section.get("started") > 0n);
});

Deno.test("StatsBlock.forget() frees what a module held when it went", () => {
  const block = StatsBlock.create();
  const semaphore = semaphoreOf(block, "stat", "copy-list");
  const ticket = semaphore.acquire();

  block.forget("log");
  const afterAnother = semaphore.tryAcquire();
  block.forget("copy-list");

  assertEquals(afterAnother, undefined);
  assert(!semaphore.release(ticket));
});

/** The semaphore of a section, as `user` holds it. */
function semaphoreOf(
  { buffer }: StatsBlock,
  section: ModuleName,
  user: ModuleName,
): Semaphore {
  const { semaphore } = places.get(section)!;
  const words = new Int32Array(buffer, semaphore, semaphoreWords);
  return new Semaphore(words, moduleNames.indexOf(user) + 1);
}

Deno.test("Section is usable again after a module died while changing it", () => {
  const block = StatsBlock.create();
  semaphoreOf(block, "synchro-list", "synchro-list").acquire();

  const snapshot = block.section("synchro-list").snapshot();

  assertEquals(snapshot.lines_read, 0n);
});

Deno.test("Section shows no torn snapshot while two workers change it", async () => {
  const block = StatsBlock.create();
  const section = block.section("synchro-list");
  const rounds = 20_000;
  const workers = [1, 2].map(() => change({ buffer: block.buffer, rounds }));
  await Promise.all(workers.map(({ begun }) => begun));
  let working = true;
  const done = Promise.all(workers.map(({ done }) => done))
    .then(() => working = false);

  while (working) {
    const seen = section.snapshot();
    assertEquals(seen.lines_refused, seen.lines_read);
    assertEquals(seen.list_bytes, seen.lines_read * 80n);
    await delay(0);
  }
  await done;

  assertEquals(section.get("lines_read"), BigInt(2 * rounds));
});

/** Starts a worker that changes figures. */
function change(task: SectionTask): {
  begun: Promise<void>;
  done: Promise<void>;
} {
  const worker = new Worker(
    new URL("../../fixtures/stats/section-worker.ts", import.meta.url),
    { type: "module" },
  );
  const begun = Promise.withResolvers<void>();
  const done = Promise.withResolvers<void>();
  worker.onmessage = ({ data }) => {
    if (data === "begun") return begun.resolve();
    worker.terminate();
    done.resolve();
  };
  worker.onerror = (event) => {
    event.preventDefault();
    done.reject(new Error(event.message));
  };
  worker.postMessage(task);
  return { begun: begun.promise, done: done.promise };
}
