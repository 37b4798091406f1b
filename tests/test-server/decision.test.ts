import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  type Choice,
  decide,
  noChoice,
  observe,
  type Policy,
  undecided,
} from "../../lib/test-server/decision.ts";
import type { Verdict } from "../../lib/test-server/operations.ts";

const policy: Policy = { rise: 2, fall: 3, holdMs: 60_000, failback: "auto" };
const now = 1_000_000;

/** Gives each server one probe and decides, as often as `rounds` has lines. */
function play(
  choice: Choice,
  rounds: readonly Record<string, Verdict>[],
  { at = now, with: given = policy }: { at?: number; with?: Policy } = {},
) {
  let decided = { ...choice, reason: "" };
  for (const round of rounds) {
    const health = { ...decided.health };
    for (const [name, verdict] of Object.entries(round)) {
      health[name] = observe(health[name], verdict, given);
    }
    const verdicts = new Map(Object.entries(round));
    decided = decide({ ...decided, health }, verdicts, given, at);
  }
  return decided;
}

const onProduction: Choice = {
  active: "production",
  since: 0,
  health: {
    production: { up: true, streak: 0 },
    backup: { up: true, streak: 0 },
  },
};

const onBackup: Choice = {
  active: "backup",
  since: now - 10_000,
  health: {
    production: { up: false, streak: 0 },
    backup: { up: true, streak: 0 },
  },
};

const bothUp = { production: "up", backup: "up" } as const;
const productionDown = { production: "unreachable", backup: "up" } as const;

Deno.test("decide() takes the preferred server on the first pass", () => {
  assertEquals(play(noChoice, [bothUp]).active, "production");
});

Deno.test("decide() takes the backup at once when production does not answer on the first pass", () => {
  assertEquals(play(noChoice, [productionDown]).active, "backup");
});

Deno.test("observe() leaves a server up until `fall` bad probes in a row", () => {
  const healths = ["unreachable", "unusable", "stale"].map((_, index) =>
    play(onProduction, Array(index + 1).fill(productionDown)).health.production
  );
  assertEquals(healths, [
    { up: true, streak: 1 },
    { up: true, streak: 2 },
    { up: false, streak: 0 },
  ]);
});

Deno.test("observe() forgets bad probes after a good one", () => {
  const { health } = play(onProduction, [
    productionDown,
    bothUp,
    productionDown,
  ]);
  assertEquals(health.production, { up: true, streak: 1 });
});

for (const verdict of ["untrusted", "refused"] as const) {
  Deno.test(`observe() drops a server that is ${verdict} at once`, () => {
    const { health } = play(onProduction, [{
      production: verdict,
      backup: "up",
    }]);
    assertEquals(health.production, { up: false, streak: 0 });
  });
}

Deno.test("decide() goes to backup when production has fallen", () => {
  const { active, since, reason } = play(
    onProduction,
    Array(3).fill(productionDown),
  );
  assertEquals({ active, since }, { active: "backup", since: now });
  assertEquals(reason, "production is unreachable");
});

Deno.test("decide() keeps backup while production is still coming up", () => {
  const held = { ...onBackup, since: 0 };
  const { active, reason } = play(held, [bothUp]);
  assertEquals(active, "backup");
  assertStringIncludes(reason, "1 of 2 good probes");
});

Deno.test("decide() keeps backup until it was held long enough", () => {
  const { active, reason } = play(onBackup, [bothUp, bothUp]);
  assertEquals(active, "backup");
  assertStringIncludes(reason, "takes over in 50 s");
});

Deno.test("decide() goes back to production once it is up and backup was held", () => {
  const { active } = play({ ...onBackup, since: 0 }, [bothUp, bothUp]);
  assertEquals(active, "production");
});

Deno.test("decide() holds backup from now on if it was taken in the future, by a clock that is right again", () => {
  const tenYears = 10 * 365 * 86_400_000;
  const ahead = { ...onBackup, since: now + tenYears };
  const first = play(ahead, [bothUp, bothUp]);
  const later = play(first, [bothUp], { at: now + policy.holdMs });

  assertEquals([first.active, first.since], ["backup", now]);
  assertEquals(later.active, "production");
});

Deno.test("decide() stays on backup when failback is manual", () => {
  const manual: Policy = { ...policy, failback: "manual" };
  const { active, reason } = play({ ...onBackup, since: 0 }, [bothUp, bothUp], {
    with: manual,
  });
  assertEquals(active, "backup");
  assertStringIncludes(reason, "failback is manual");
});

Deno.test("decide() leaves backup before its time when backup falls", () => {
  const { active } = play(onBackup, [
    { production: "up", backup: "unreachable" },
    { production: "up", backup: "unreachable" },
    { production: "up", backup: "unreachable" },
  ]);
  assertEquals(active, "production");
});

Deno.test("decide() takes a server that is still coming up rather than none", () => {
  const neither: Choice = {
    ...onBackup,
    health: {
      production: { up: false, streak: 0 },
      backup: { up: false, streak: 0 },
    },
  };
  const { active } = play(neither, [{
    production: "up",
    backup: "unreachable",
  }]);
  assertEquals(active, "production");
});

Deno.test("decide() keeps what it remembers when no server serves", () => {
  const { active, reason } = play(
    onBackup,
    Array(3).fill({ production: "unreachable", backup: "unreachable" }),
  );
  assertEquals(active, "backup");
  assertEquals(reason, "no server is available");
});

Deno.test("undecided() asks again only where the answer may change the decision", () => {
  const verdicts = (production: Verdict, backup: Verdict) =>
    new Map([["production", production], ["backup", backup]]);
  const falling = {
    ...onProduction,
    health: {
      production: { up: true, streak: 1 },
      backup: { up: true, streak: 2 },
    },
  };
  const rising = {
    ...onBackup,
    since: 0,
    health: {
      production: { up: false, streak: 1 },
      backup: { up: true, streak: 0 },
    },
  };

  assertEquals(
    [
      undecided(falling, verdicts("unreachable", "unreachable"), policy, now),
      undecided(rising, verdicts("up", "up"), policy, now),
      undecided({ ...rising, since: now }, verdicts("up", "up"), policy, now),
      undecided(onProduction, verdicts("up", "up"), policy, now),
    ],
    [["production"], ["production"], [], []],
  );
});

/** What probes of one server can say; production and backup each say one of them. */
const states = {
  up: "up",
  down: "unreachable",
  untrusted: "untrusted",
  behind: "stale",
} as const satisfies Record<string, Verdict>;
type State = keyof typeof states;

/**
 * Which server is the active one once the probes have said the same for long
 * enough, if before it was none, production or backup: P, B, or - for none.
 */
const table: Record<`${State} ${State}`, string> = {
  // production, backup
  "up up": "PPP",
  "up down": "PPP",
  "up untrusted": "PPP",
  "up behind": "PPP",
  "down up": "BBB",
  "down down": "---",
  "down untrusted": "---",
  "down behind": "BBB",
  "untrusted up": "BBB",
  "untrusted down": "---",
  "untrusted untrusted": "---",
  "untrusted behind": "BBB",
  "behind up": "BBB",
  "behind down": "PPP",
  "behind untrusted": "PPP",
  // Whichever of two stale servers is in use stays so.
  "behind behind": "PPB",
};

for (const [cell, expected] of Object.entries(table)) {
  const [production, backup] = cell.split(" ") as [State, State];
  for (const [index, before] of [null, "production", "backup"].entries()) {
    Deno.test(`decide(): production ${production}, backup ${backup}, ${before ?? "none"} active before`, () => {
      const start: Choice = before === null
        ? noChoice
        : before === "production"
        ? onProduction
        : { ...onBackup, since: 0 };
      const round = {
        production: states[production],
        backup: states[backup],
      };
      const decided = play(start, Array(policy.fall + policy.rise).fill(round));

      const letters: Record<string, string | null> = {
        P: "production",
        B: "backup",
        // Nothing serves; what was active is remembered.
        "-": before,
      };
      assertEquals(decided.active, letters[expected[index]!]);
      assertEquals(
        decided.reason === "no server is available",
        expected[index] === "-",
      );
    });
  }
}

Deno.test("decide() does not follow a server that flaps", () => {
  const flapping = Array.from(
    { length: 20 },
    (_, round) => round % 3 === 2 ? bothUp : productionDown,
  );
  let choice: Choice = { ...onBackup, since: 0 };
  for (const round of flapping) {
    choice = play(choice, [round]);
    assertEquals(choice.active, "backup");
  }
});
