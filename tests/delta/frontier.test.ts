import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { inMemory, joined } from "../../fixtures/delta.ts";
import { noise } from "../../fixtures/noise.ts";
import { Blocks } from "../../lib/delta/blocks.ts";
import { Frontier } from "../../lib/delta/frontier.ts";
import { append, recipeOf, type Stretch } from "../../lib/delta/recipe.ts";
import { Search } from "../../lib/delta/search.ts";
import { SignatureMaker } from "../../lib/delta/signature.ts";

const blockSize = 32;

/** What was settled while an old version was searched, and the whole recipe in the end. */
function settle(
  old: Uint8Array,
  fresh: Uint8Array,
  { spare = Infinity, window = 1_000 } = {},
): { settled: Stretch[]; whole: Stretch[]; isStuck: boolean } {
  const maker = new SignatureMaker(fresh.length, blockSize);
  maker.update(fresh);
  const signature = maker.finish("sha256:");
  const blocks = new Blocks(signature);
  const search = new Search(inMemory(old), blocks);
  const frontier = new Frontier(blocks, {
    next: 0,
    spare,
    placeOf: (block) => search.placeOf(block),
  });
  const memory = new Uint8Array(window);
  const settled: Stretch[] = [];
  for (let found; (found = search.window(memory)) !== undefined;) {
    for (const stretch of frontier.settle(found.runs)) append(settled, stretch);
  }
  search.end();
  const reached = settled.at(-1)?.end ?? 0;
  const rest = recipeOf(signature, search.places(), reached);
  const whole = [...settled];
  for (const stretch of rest) append(whole, stretch);
  return { settled, whole, isStuck: frontier.isStuck };
}

function make(
  recipe: readonly Stretch[],
  old: Uint8Array,
  fetched: Uint8Array,
): Uint8Array {
  return joined(
    ...recipe.map(({ start, end, old: at }) =>
      at === null
        ? fetched.subarray(start, end)
        : old.subarray(at, at + end - start)
    ),
  );
}

function fetched(recipe: readonly Stretch[]): number {
  return recipe.reduce(
    (sum, { start, end, old }) => old === null ? sum + end - start : sum,
    0,
  );
}

const pieces = fc.array(
  fc.oneof(
    fc.uint8Array({ maxLength: 90 }),
    fc.constantFrom(0, 1).map((byte) => new Uint8Array(64).fill(byte)),
    fc.constant(new TextEncoder().encode("one line of a table, once more\n")),
  ),
  { maxLength: 24 },
).map((pieces) => joined(...pieces));

Deno.test("what Frontier settles of any two versions, and the rest, are the new one", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.tuple(pieces, pieces),
        fc.tuple(pieces, pieces, pieces, pieces).map((
          [head, lost, come, tail],
        ): [Uint8Array, Uint8Array] => [
          joined(head, lost, tail),
          joined(come, head, tail, lost),
        ]),
      ),
      fc.constantFrom(0, 100, Infinity),
      fc.integer({ min: 4 * blockSize, max: 500 }),
      ([old, fresh], spare, window) => {
        const { settled, whole } = settle(old, fresh, { spare, window });
        assertEquals(make(whole, old, fresh), fresh.slice());
        assertEquals(settled.at(0)?.start ?? 0, 0);
        assert(fetched(settled) <= spare);
      },
    ),
    { numRuns: 500 },
  );
});

const old = noise(blockSize * 1_000);

Deno.test("Frontier settles all of a file that was changed in places, put behind something, or cut", () => {
  const changed = old.slice();
  for (let at = 7; at < old.length; at += 40 * blockSize) changed[at]! ^= 1;
  const cases = [
    changed,
    joined(noise(50 * blockSize + 5), old),
    joined(old.subarray(0, 9_000), noise(777), old.subarray(9_000)),
    joined(old.subarray(0, 9_000), old.subarray(19_000)),
    old.slice(0, 500 * blockSize),
  ];
  for (const fresh of cases) {
    const { settled, isStuck } = settle(old, fresh);
    assertEquals(isStuck, false);
    assert(settled.at(-1)!.end > fresh.length - blockSize);
  }
});

Deno.test("Frontier passes over no more than it may, and leaves the rest to the whole search", () => {
  const half = old.length / 2;
  const swapped = joined(old.subarray(half), old.subarray(0, half));

  const { settled, whole, isStuck } = settle(old, swapped, {
    spare: old.length / 16,
  });

  assertEquals([settled, isStuck], [[], true]);
  assertEquals(fetched(whole), 0);
});

Deno.test("Frontier does not take a block like many others for the place where the old version goes on", () => {
  const zeros = new Uint8Array(2 * blockSize);
  // The first zeros of the new version lie far behind those of the old one.
  const before = joined(old.subarray(0, 9_600), zeros, old.subarray(9_664));
  const fresh = joined(old.subarray(0, 24_000), zeros, old.subarray(24_064))
    .slice();

  const { whole, isStuck } = settle(before, fresh);

  assertEquals(isStuck, false);
  // What lay in place of the zeros, and a block around it.
  assert(fetched(whole) <= 5 * blockSize, `${fetched(whole)}`);
});
