import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { noise } from "../../fixtures/noise.ts";
import { appendedTo, seemsAppended } from "../../lib/copy-list/appended.ts";
import { OldFile } from "../../lib/copy-list/old-file.ts";
import { type FetchRanges, rebuild } from "../../lib/copy-list/rebuild.ts";
import { recipeOf, type Stretch } from "../../lib/delta/recipe.ts";
import { FileError } from "../../lib/errors.ts";
import { ComingRanges } from "../../lib/ssh/coming-ranges.ts";
import {
  type Range,
  type Read,
  readRanges,
  SlowError,
} from "../../lib/ssh/read-range.ts";

/** A file that is gone with the test. */
function fileOf(bytes: Uint8Array) {
  const path = Deno.makeTempFileSync();
  Deno.writeFileSync(path, bytes);
  return { path, [Symbol.dispose]: () => Deno.removeSync(path) };
}

/** A server that has `bytes`, and sends at most `most` at a time. */
function reading(bytes: Uint8Array, most = Infinity): Read {
  return (position, length) =>
    Promise.resolve(
      bytes.slice(position, position + Math.min(length, most)),
    );
}

function fetching(bytes: Uint8Array): FetchRanges {
  const manner = { length: () => 1_000, most: () => 2_000 };
  return (ranges) => readRanges(reading(bytes), ranges, manner);
}

async function made(
  recipe: readonly Stretch[],
  old: OldFile,
  fetch: FetchRanges,
): Promise<Uint8Array> {
  const pieces: number[] = [];
  for await (const { bytes } of rebuild(recipe, old, fetch)) {
    pieces.push(...bytes);
  }
  return Uint8Array.from(pieces);
}

Deno.test("readRanges() reads any ranges in order, however short the answers", async () => {
  const bytes = noise(300);
  const ranges = fc.array(
    fc.tuple(fc.nat(299), fc.nat(60)).map(([start, length]) => ({
      start,
      end: Math.min(300, start + length),
    })),
  );
  const natural = fc.integer({ min: 1, max: 64 });
  await fc.assert(
    fc.asyncProperty(
      ranges,
      natural,
      natural,
      natural,
      async (ranges, length, parallel, most) => {
        const manner = {
          length: () => length,
          most: () => parallel * length,
        };
        const pieces: Uint8Array[] = await Array.fromAsync(
          readRanges(reading(bytes, most), ranges, manner),
        );
        assertEquals(
          pieces.flatMap((piece) => [...piece]),
          ranges.flatMap(({ start, end }) => [...bytes.slice(start, end)]),
        );
        assert(pieces.every((piece) => piece.length <= length));
      },
    ),
  );
});

Deno.test("readRanges() has more requests under way the shorter they are, and no more bytes", async () => {
  let inFlight = 0;
  let most = 0;
  const read: Read = async (_, length) => {
    most = Math.max(most, ++inFlight);
    await Promise.resolve();
    inFlight--;
    return new Uint8Array(length);
  };
  const KiB = 1_024;
  const manner = { length: () => 256 * KiB, most: () => 512 * KiB };
  for (const bytes of [256 * KiB, 32 * KiB, 1]) {
    most = 0;
    const ranges: Range[] = Array.from({ length: 100 }, (_, index) => ({
      start: index * 256 * KiB,
      end: index * 256 * KiB + bytes,
    }));
    await Array.fromAsync(readRanges(read, ranges, manner));
    assertEquals(most, { [256 * KiB]: 2, [32 * KiB]: 16, 1: 32 }[bytes]);
  }
});

Deno.test("readRanges() yields what came of a piece before it says what is wrong", async () => {
  const bytes = noise(300);
  const read: Read = (position) =>
    position < 200
      ? Promise.resolve(bytes.slice(position, position + 40))
      : Promise.reject(new Error("lost"));
  const manner = { length: () => 300, most: () => 300 };
  const came: number[] = [];

  await assertRejects(
    async () => {
      const ranges = [{ start: 0, end: 300 }];
      for await (const piece of readRanges(read, ranges, manner)) {
        came.push(...piece);
      }
    },
    Error,
    "lost",
  );

  assertEquals(came, [...bytes.slice(0, 200)]);
});

Deno.test("readRanges() gives up a file of which next to nothing comes", async () => {
  const read: Read = async () => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    return new Uint8Array(1);
  };
  const manner = { length: () => 10_000, most: () => 10_000, limitMs: 50 };

  await assertRejects(
    () =>
      Array.fromAsync(readRanges(read, [{ start: 0, end: 10_000 }], manner)),
    SlowError,
  );
});

Deno.test("readRanges() asks a server that answers little for little", async () => {
  const bytes = noise(20_000);
  let asked = 0;
  const read: Read = (position, length) => {
    asked += length;
    return Promise.resolve(bytes.slice(position, position + 7));
  };
  const manner = { length: () => 20_000, most: () => 20_000 };

  const pieces = await Array.fromAsync(
    readRanges(read, [{ start: 0, end: 20_000 }], manner),
  );

  assertEquals(pieces.length, 1);
  assertEquals(pieces[0], bytes);
  // Each request needs room for its answer: asked in full each time, that would be 28 MB.
  assert(asked < 2_000_000, `${asked} bytes asked for`);
});

Deno.test("readRanges() asks at once for what becomes known while it waits", async () => {
  const bytes = noise(400);
  const asked: number[] = [];
  const answers: (() => void)[] = [];
  const read: Read = async (position, length) => {
    asked.push(position);
    await new Promise<void>((resolve) => answers.push(resolve));
    return bytes.slice(position, position + length);
  };
  const ranges = new ComingRanges();
  const manner = { length: () => 100, most: () => 1_000_000 };
  const pieces = readRanges(read, ranges, manner);
  const first = pieces.next();
  await Promise.resolve();
  assertEquals(asked, []);

  ranges.push({ start: 0, end: 50 });
  await Promise.resolve();
  ranges.push({ start: 100, end: 250 });
  await Promise.resolve();
  assertEquals(asked, [0, 100, 200]);

  for (const answer of answers.splice(0)) answer();
  assertEquals((await first).value, bytes.slice(0, 50));
  assertEquals((await pieces.next()).value, bytes.slice(100, 200));
  assertEquals((await pieces.next()).value, bytes.slice(200, 250));
  const last = pieces.next();
  ranges.end();
  assertEquals(await last, { done: true, value: undefined });
});

/** A server like {@link reading}, over a session that takes the memory of pieces that are done with. */
function takingMemory(bytes: Uint8Array): Read {
  return (position, length, memory) => {
    if (memory !== undefined) {
      new Uint8Array(memory).fill(0xee);
      structuredClone(memory, { transfer: [memory] });
    }
    return Promise.resolve(bytes.slice(position, position + length));
  };
}

Deno.test("readRanges() gives the memory of a piece away once the next one is asked for", async () => {
  const bytes = noise(10_000);
  const manner = { length: () => 1_000, most: () => 3_000 };
  let given = 0;
  const taking = takingMemory(bytes);
  const read: Read = (position, length, memory) => {
    if (memory !== undefined) given++;
    return taking(position, length, memory);
  };
  const came: number[] = [];
  for await (
    const piece of readRanges(read, [{ start: 0, end: 10_000 }], manner)
  ) {
    await Promise.resolve();
    came.push(...piece);
  }

  assertEquals(Uint8Array.from(came), bytes);
  // Nothing is done with before the first one is asked for.
  assertEquals(given, 9);
});

Deno.test("rebuild() has done with a piece before its memory is taken", async () => {
  const old = noise(2_000);
  const fresh = noise(9_000);
  using file = fileOf(old);
  using open = OldFile.open(file.path);
  const manner = { length: () => 500, most: () => 1_000 };
  const recipe = [
    { start: 0, end: 4_000, old: null },
    { start: 4_000, end: 6_000, old: 0 },
    { start: 6_000, end: 9_000, old: null },
  ];

  const bytes = await made(
    recipe,
    open,
    (ranges) => readRanges(takingMemory(fresh), ranges, manner),
  );

  assertEquals(
    bytes,
    Uint8Array.from([
      ...fresh.subarray(0, 4_000),
      ...old,
      ...fresh.subarray(6_000),
    ]),
  );
});

Deno.test("rebuild() makes any recipe of the old version and what is fetched", async () => {
  const old = noise(2_000);
  const fresh = noise(3_000);
  using file = fileOf(old);
  using open = OldFile.open(file.path);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.option(fc.nat(1_999 - 100), { nil: -1 }), {
        minLength: 30,
        maxLength: 30,
      }),
      fc.nat(3_000),
      async (places, start) => {
        const recipe = recipeOf(
          { size: fresh.length, blockSize: 100 },
          places,
          start,
        );
        const expected = recipe.flatMap(({ start, end, old: at }) => [
          ...at === null
            ? fresh.slice(start, end)
            : old.slice(at, at + end - start),
        ]);
        assertEquals(
          await made(recipe, open, fetching(fresh)),
          Uint8Array.from(expected),
        );
        assertEquals(expected.length, fresh.length - start);
      },
    ),
  );
});

Deno.test("rebuild() ends early where the file on the server does", async () => {
  using file = fileOf(new Uint8Array(100));
  using old = OldFile.open(file.path);
  const recipe = [
    { start: 0, end: 200, old: null },
    { start: 200, end: 300, old: 0 },
  ];
  assertEquals(
    (await made(recipe, old, fetching(noise(150)))).length,
    150,
  );
});

Deno.test("rebuild() gives up an old version that has become shorter", async () => {
  using file = fileOf(noise(200));
  using old = OldFile.open(file.path);
  Deno.truncateSync(file.path, 150);
  await assertRejects(
    () => made([{ start: 0, end: 200, old: 0 }], old, fetching(noise(0))),
    FileError,
    "it became shorter",
  );
});

Deno.test("an old version that cannot be read is told", () => {
  let told: unknown;
  try {
    OldFile.open("/nowhere/at/all");
  } catch (error) {
    told = error;
  }
  assert(told instanceof FileError);
  assert(told.message.startsWith("Cannot read /nowhere/at/all: "));
});

Deno.test("seemsAppended() compares pieces from the first to the last", async () => {
  const bytes = noise(1_000_000);
  using file = fileOf(bytes);
  using old = OldFile.open(file.path);
  const appended = new Uint8Array(1_100_000);
  appended.set(bytes);
  const seems = (fresh: Uint8Array, size = fresh.length) =>
    seemsAppended(old, size, fetching(fresh));

  assertEquals(await seems(appended), true);
  assertEquals(await seems(appended.with(0, bytes[0]! ^ 1)), false);
  assertEquals(await seems(appended.with(999_999, bytes[999_999]! ^ 1)), false);
  // Not longer, or too much longer to be fetched twice.
  assertEquals(await seems(bytes), false);
  assertEquals(await seems(appended, 2_000_001), false);
  // Shorter on the server than its list says.
  assertEquals(await seems(appended.subarray(0, 500_000), 1_100_000), false);
});

Deno.test("appendedTo() goes on where an earlier pass has stopped", () => {
  assertEquals(appendedTo(100, { start: 30, end: 150 }), [
    { start: 30, end: 100, old: 30 },
    { start: 100, end: 150, old: null },
  ]);
  assertEquals(appendedTo(100, { start: 120, end: 150 }), [
    { start: 120, end: 150, old: null },
  ]);
});
