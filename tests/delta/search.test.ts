import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { digestOf, inMemory, joined, sign } from "../../fixtures/delta.ts";
import { noise } from "../../fixtures/noise.ts";
import { Blocks } from "../../lib/delta/blocks.ts";
import { recipeOf, restOf, type Stretch } from "../../lib/delta/recipe.ts";
import { sample } from "../../lib/delta/sample.ts";
import { Search, search } from "../../lib/delta/search.ts";
import type { Signature } from "../../lib/delta/signature.ts";
import { Roller, weakSum } from "../../lib/delta/sums.ts";

/** Makes what a recipe says of `old`, and of `fetched` where it must be. */
function make(
  recipe: readonly Stretch[],
  old: Uint8Array,
  fetched: Uint8Array,
): Uint8Array {
  return Uint8Array.from(recipe.flatMap(({ start, end, old: at }) => [
    ...at === null
      ? fetched.subarray(start, end)
      : old.subarray(at, at + end - start),
  ]));
}

function searched(old: Uint8Array, signature: Signature) {
  return search(new Search(inMemory(old), new Blocks(signature)));
}

async function recipe(
  old: Uint8Array,
  signature: Signature,
  start = 0,
): Promise<Stretch[]> {
  const { places } = await searched(old, signature);
  return recipeOf(signature, places, start);
}

/** What share of a new version need not be fetched. */
async function share(
  old: Uint8Array,
  fresh: Uint8Array,
  blockSize = 512,
): Promise<number> {
  const found = await recipe(old, sign(fresh, blockSize));
  assertEquals(digestOf(make(found, old, fresh)), digestOf(fresh));
  return reusedBytes(found) / fresh.length;
}

/** Bytes of few kinds, so that blocks come again. */
const pieces = fc.array(
  fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.constantFrom(0, 1, 2, 3).map((byte) => new Uint8Array(24).fill(byte)),
    fc.constant(new TextEncoder().encode("one line of a table\n")),
  ),
  { maxLength: 24 },
).map((pieces) => joined(...pieces));

Deno.test("any old and new version give the new one back", async () => {
  const versions = fc.oneof(
    fc.tuple(pieces, pieces),
    fc.tuple(pieces, pieces, pieces, pieces).map((
      [head, lost, come, tail],
    ): [Uint8Array, Uint8Array] => [
      joined(head, lost, tail),
      joined(come, head, tail, lost),
    ]),
  );
  await fc.assert(
    fc.asyncProperty(
      versions,
      fc.integer({ min: 1, max: 40 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      async ([old, fresh], blockSize, at) => {
        const start = Math.floor(at * fresh.length);
        const found = await recipe(old, sign(fresh, blockSize), start);
        assertEquals(make(found, old, fresh), fresh.slice(start));
        assertEquals(found.at(0)?.start ?? start, start);
        const middle = Math.floor((start + fresh.length) / 2);
        const rest = restOf(found, middle);
        assertEquals(make(rest, old, fresh), fresh.slice(middle));
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("every block that lies in the old version is found, wherever it lies", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ minLength: 16, maxLength: 16 }), {
        minLength: 1,
        maxLength: 20,
      }),
      fc.array(fc.nat(40)),
      async (blocks, gaps) => {
        const old = joined(
          ...blocks.flatMap((block, index) => [noise(gaps[index] ?? 0), block]),
        );
        const found = await recipe(old, sign(joined(...blocks.reverse()), 16));
        // Two blocks of one stretch may lie so that one hides the other.
        if (blocks.length === 1) assertEquals(reusedBytes(found), 16);
        assert(found.every(({ old }) => old === null || old >= 0));
      },
    ),
  );
});

Deno.test("a file changed in some of its blocks costs those blocks", async () => {
  const old = noise(512 * 1_000);
  const fresh = old.slice();
  for (let block = 0; block < 1_000; block += 100) fresh[block * 512 + 7]! ^= 1;
  assertEquals(await share(old, fresh), 0.99);
});

Deno.test("a file that something was put in front of costs that, and one block", async () => {
  const old = noise(512 * 1_000 + 100);
  const fresh = joined(noise(1_000), old);
  const reused = await share(old, fresh) * fresh.length;
  assert(reused >= old.length - 512, `${reused} of ${old.length}`);
});

Deno.test("a file that was appended to costs what was appended, and one block", async () => {
  const old = noise(512 * 1_000 + 100);
  const fresh = joined(old, noise(5_000));
  const reused = await share(old, fresh) * fresh.length;
  assert(reused >= old.length - 512, `${reused} of ${old.length}`);
});

Deno.test("a file that was cut costs nothing", async () => {
  const old = noise(512 * 100);
  assertEquals(await share(old, old.slice(0, 512 * 7 + 100)), 1);
  assertEquals(await share(old, old.slice(-512 * 7 - 100)), 1);
});

Deno.test("blocks that come again are found each time, and be they a million", async () => {
  const fresh = new Uint8Array(4 * 1024 * 1024);
  fresh[1_000_000] = 1;
  assert(await share(new Uint8Array(100), fresh, 32) === 1 - 32 / fresh.length);
});

Deno.test("a search that finds nothing but wrong blocks is given up", async () => {
  const old = new Uint8Array(512 * 1_000);
  const signature = sign(old, 512);
  signature.strong.fill(7);
  // Those that are expected at the start.
  signature.weak.set([1, 2]);
  const { givenUp, places } = await searched(old, signature);
  assertEquals([givenUp, new Set(places)], [true, new Set([-1])]);
});

Deno.test("a million different blocks of one weak sum cost no more than others", async () => {
  const count = 2 ** 20;
  const { places } = await searched(new Uint8Array(100_000), {
    size: count * 512,
    digest: "sha256:",
    blockSize: 512,
    weak: new Int32Array(count),
    strong: new Uint32Array(noise(8 * count).buffer),
  });
  assertEquals(places.length, count);
});

Deno.test("Roller moves the weak sum of any block along any bytes", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 2, maxLength: 200 }),
      fc.nat(198),
      (bytes, length) => {
        const block = 1 + length % (bytes.length - 1);
        const end = bytes.length - block;
        const filter = { bits: new Int32Array(1), shift: 27 };
        const begin = { at: 0, end, sum: weakSum(bytes.subarray(0, block)) };
        const rolled = new Roller(block).roll(bytes, begin, filter);
        assertEquals(rolled, {
          at: end,
          sum: weakSum(bytes.subarray(end)),
        });
      },
    ),
  );
});

Deno.test("sample() tells what two versions have in common, and where", () => {
  const old = noise(512 * 1_000);
  const half = joined(noise(17), old.subarray(0, old.length / 2));
  const samples = [joined(noise(17), old), half, noise(512 * 1_000)].map(
    (fresh) => sample(inMemory(old), new Blocks(sign(fresh, 512)), 64),
  );
  const shares = samples.map(({ share }) => share);
  assert(shares[0]! > 0.9, `${shares}`);
  assert(shares[1]! > 0.3 && shares[1]! < 0.7, `${shares}`);
  assertEquals(shares[2], 0);
  assert(samples[1]!.useful.every((at) => at < old.length / 2));
});

Deno.test("search() tells how far it is from the last block that it found", async () => {
  const old = joined(noise(512 * 100), noise(512 * 9_000));
  const signature = sign(old.slice(0, 512 * 100), 512);
  const searching = new Search(inMemory(old), new Blocks(signature));
  const barren: number[] = [];
  await search(searching, (progress) => barren.push(progress.barren) < 3);
  const { searched } = searching.progress;
  assertEquals(barren.at(-1), searched - 512 * 100);
  assert(searched < old.length);
});

/** Returns how many bytes of a recipe need not be fetched. */
function reusedBytes(recipe: readonly Stretch[]): number {
  return recipe.reduce(
    (sum, { start, end, old }) => old === null ? sum : sum + end - start,
    0,
  );
}
