import { assert, assertEquals } from "@std/assert";
import type { Rule } from "../../lib/state/order.ts";
import {
  draw,
  enumerate,
  type Findings,
  play,
  type Scope,
  smallest,
} from "./histories.ts";

/** How deep histories are searched; `deno task test:model` goes deeper. */
const depth = Number(Deno.env.get("RELAIS_MODEL_DEPTH") ?? 4);
const drawn = Number(Deno.env.get("RELAIS_MODEL_DRAWN") ?? 150);

const foreign = { P: "foreign", B: "foreign" } as const;
const tree = { P: "tree", B: "tree" } as const;

/** Worlds of which every short history is searched. */
const searched: Record<string, Partial<Scope>> = {
  "two lists, which are replicated at times": {},
  "two lists of their own": { replicatesLists: false },
  "a replica that keeps what is withdrawn": { keeps: true },
  "a new replica": { fresh: true },
  "two foreign lists": { kinds: foreign, replicatesLists: false },
  "two trees": { kinds: tree, replicatesLists: false },
  "a list, and a backup without one": {
    kinds: { B: "tree" },
    replicatesLists: false,
  },
};

/** Worlds that are too large for that: histories are drawn. */
const large: Record<string, Partial<Scope>> = {
  "passes that are cut off, and conflicts decided by hand": { rough: true },
  "three servers and two paths": {
    servers: ["P", "B", "C"],
    paths: ["a", "b"],
    rough: true,
  },
  "three servers, one of them with a foreign list, and withdrawn files kept": {
    servers: ["P", "B", "C"],
    paths: ["a", "b"],
    kinds: { C: "foreign" },
    keeps: true,
    rough: true,
  },
};

/** Numbers from 0 to 1, always the same ones (Numerical Recipes' generator). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

/** Tells how much was searched: a number that a test cannot hold. */
function tell(text: string): void {
  // deno-lint-ignore no-console -- what a search has covered is read by people
  console.log(text);
}

function expectNothing({ histories, wentBack, passedOver }: Findings): void {
  assert(histories > 100);
  assertEquals({ wentBack, passedOver }, { wentBack: [], passedOver: [] });
}

for (const [what, scope] of Object.entries(searched)) {
  Deno.test(`no short history of ${what} goes back or passes the newest over`, async () => {
    const findings = await enumerate({ ...smallest, ...scope }, depth);
    tell(`${findings.histories} histories of up to ${depth} steps`);
    expectNothing(findings);
  });
}

for (const [what, scope] of Object.entries(large)) {
  Deno.test(`no history drawn of ${what} goes back or passes the newest over`, async () => {
    const seed = Number(Deno.env.get("RELAIS_MODEL_SEED") ?? 1);
    const random = randomFrom(seed);
    const found = await draw({ ...smallest, ...scope }, 20, drawn, random);
    tell(`${found.histories} histories of 20 steps, seed ${seed}`);
    expectNothing(found);
  });
}

/** For each rule of order a history that comes right with all of them, and what happens without it. */
const needed: [
  rule: Rule,
  without: "goes back" | "passes over" | "conflict",
  history: string,
  scope?: Partial<Scope>,
][] = [
  [
    1,
    "goes back",
    "list to B, pass, new a, publish P, files to B, list to B, revert a, publish P, pass, P down, pass",
  ],
  [2, "passes over", "P down, new a, publish B, revert a, pass"],
  [
    3,
    "goes back",
    "list to B, P down, old a, publish B, compact B, pass, P up, pass",
    { fresh: true },
  ],
  [
    4,
    "passes over",
    "P down, old a, pass, publish B, revert a, pass",
  ],
  [5, "goes back", "old a, publish P, pass, P down, pass", { fresh: true }],
  [
    6,
    "conflict",
    "P down, old a, publish B, pass, P up, files to B, list to B, pass, P down, pass",
  ],
  [
    7,
    "conflict",
    "new a, publish P, compact P, P down, pass, P up, pass",
    { fresh: true },
  ],
];

for (const [rule, without, history, more] of needed) {
  Deno.test(`rule ${rule} of the order of versions is needed: a history ends with "${without}" without it`, async () => {
    const scope = { ...smallest, ...more };
    const outcomes = [];
    for (const rules of [[], [rule]]) {
      const played = await play(
        { ...scope, without: rules },
        history.split(", "),
      );
      const { wentBack, passedOver, conflict } = played;
      outcomes.push(
        wentBack.length > 0
          ? "goes back"
          : passedOver.length > 0
          ? "passes over"
          : conflict
          ? "conflict"
          : "right",
      );
    }
    assertEquals(outcomes, ["right", without]);
  });
}
