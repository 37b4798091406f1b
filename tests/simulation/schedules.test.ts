import {
  assert,
  assertEquals,
  assertGreater,
  assertStringIncludes,
} from "@std/assert";
import { explore, report } from "./explore.ts";
import type { Rules } from "./world.ts";

/** One seed, to see it again; else as many as the fast tests have time for. */
const seed = Deno.env.get("RELAIS_SEED");
const searched = seed === undefined
  ? { schedules: 400 }
  : { first: Number(seed), schedules: 1 };

Deno.test("no schedule of pauses, crashes and lost messages breaks an invariant", () => {
  const { failure } = explore(searched);
  assert(failure === undefined, failure && report(failure));
});

Deno.test("schedules change the leader, and take claims over", () => {
  const { changesOfLeader, takeovers } = explore({ schedules: 100 });
  assertGreater(changesOfLeader, 50);
  assertGreater(takeovers, 20);
});

/** So many schedules have to be enough to find what is missing. */
const enough = 2_000;

const needed: [part: keyof Rules, what: string, violation: RegExp][] = [
  [
    "hasFence",
    "the fence of a leader's transaction",
    /^term \d+ wrote after term \d+$/,
  ],
  [
    "locksLease",
    "FOR SHARE in the fence",
    /^term \d+ wrote after term \d+$/,
  ],
  [
    "hasMargin",
    "the margin of a lease",
    /^(two nodes believe that they lead|r\d relies on claim \d+, which ran out)$/,
  ],
  [
    "hasFileFence",
    "the fence in the file system",
    /^[a-d] (was placed twice|went back from \d+ to \d+)$/,
  ],
  [
    "copiesTaken",
    "the copy of what was taken over",
    /^[a-d] is (visible and not whole|said to be here, and a power cut would lose it)$/,
  ],
];

for (const [part, what, violation] of needed) {
  Deno.test(`${what} is needed: without it, a schedule breaks an invariant`, () => {
    const { failure } = explore({ schedules: enough, without: part });

    assert(failure !== undefined);
    assert(violation.test(failure.violations[0]!), failure.violations[0]);
  });
}

Deno.test("report() tells the seed of a failure, and the seed leads to the same failure", () => {
  const without = "hasFence";
  const { failure } = explore({ schedules: enough, without });
  const again = explore({ first: failure!.seed, schedules: 1, without });

  assertStringIncludes(report(failure!), `RELAIS_SEED=${failure!.seed} `);
  assertEquals(again.failure, failure);
});
