import { assertEquals } from "@std/assert";
import { type NodeNow, withRates } from "../../lib/state/shared-view.ts";

function node(name: string, copied: number): NodeNow {
  return {
    name,
    copied,
    ...{ leads: false, silent_seconds: 0, claims: 0, bytes: 0 },
  };
}

function ratesOf(nodes: ReturnType<typeof withRates>): [string, number][] {
  return nodes.map(({ name, files_per_second }) => [name, files_per_second]);
}

Deno.test("withRates() tells how fast each node has copied since the last look", () => {
  const first = withRates([node("r1", 100), node("r2", 0)], 1_000, undefined);
  const second = withRates(
    [node("r1", 350), node("r2", 0), node("r3", 5)],
    1_010,
    {
      ...{ nodes: first, seen: 1_000 },
    },
  );

  assertEquals(ratesOf(first), [["r1", 0], ["r2", 0]]);
  assertEquals(ratesOf(second), [["r1", 25], ["r2", 0], ["r3", 0]]);
});

Deno.test("withRates() tells no rate below zero when a database was made again", () => {
  const before = {
    ...{ nodes: [{ ...node("r1", 350), files_per_second: 25 }], seen: 1_000 },
  };

  assertEquals(ratesOf(withRates([node("r1", 3)], 1_010, before)), [["r1", 0]]);
});

Deno.test("withRates() keeps a rate when it is asked again at once, or a clock was set back", () => {
  const before = {
    ...{ nodes: [{ ...node("r1", 350), files_per_second: 25 }], seen: 1_010 },
  };

  for (const seen of [1_010.5, 900]) {
    assertEquals(ratesOf(withRates([node("r1", 360)], seen, before)), [[
      "r1",
      25,
    ]]);
  }
});
