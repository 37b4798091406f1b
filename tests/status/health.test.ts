import { assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import { problemsOf, sayHealth } from "../../lib/status/health.ts";
import {
  formatNagios,
  replicaPart,
  unknownPart,
} from "../../lib/status/nagios.ts";
import { nextLoopPass, parseTimers } from "../../lib/status/next-pass.ts";
import type { Situation } from "../../lib/status/situation.ts";
import { noNotFiles } from "../../lib/list/not-files.ts";
import type { PastPass } from "../../lib/state/history.ts";
import type { Snapshot } from "../../lib/stat/snapshot.ts";

const now = 1_790_000_000;
const limits = { maxAgeMs: 3_600_000, maxLagMs: undefined };

function pass(more: Partial<PastPass> = {}): PastPass {
  return {
    started: now - 30,
    server: "production",
    exit: 0,
    seconds: 1,
    lag_seconds: 0,
    seen: 0,
    copied: 0,
    bytes: 0,
    wire_bytes: 0,
    adopted: 0,
    removed: 0,
    refused: 0,
    failures: 0,
    failed: [],
    errors: [],
    ...more,
  };
}

function situation(more: Partial<Situation> = {}): Situation {
  return {
    now,
    active: "production",
    since: now - 86_400,
    reason: "it is the preferred server",
    probed: now - 30,
    servers: [],
    not_files: noNotFiles,
    lag_seconds: 0,
    here: 10,
    bytes: 1_000,
    pending: 0,
    failed: 0,
    failing: [],
    held: [],
    conflicts: { files: 0, first: null },
    passes: [pass()],
    last_success: now - 29,
    next_pass: null,
    republished: null,
    disk: { free: 50, total: 100 },
    cluster: null,
    ...more,
  };
}

const cases: [
  what: string,
  Partial<Situation>,
  Partial<Parameters<typeof problemsOf>[1]>,
  expected: RegExp | undefined,
][] = [
  ["the last pass was good", {}, {}, undefined],
  [
    "no pass has been run",
    { passes: [], last_success: null },
    {},
    /^critical: no pass has run yet$/,
  ],
  [
    "the last pass is old",
    { passes: [pass({ started: now - 7_201 })] },
    {},
    /^critical: .* ended 2 h 0 min ago, more than 1 h 0 min$/,
  ],
  [
    "the last pass is old, and that was allowed",
    { passes: [pass({ started: now - 7_201 })] },
    { maxAgeMs: 86_400_000 },
    undefined,
  ],
  [
    "no server served",
    { passes: [pass({ exit: 3, errors: ["all are gone"] })] },
    {},
    /^critical: .* exit 3: no server available \(all are gone\)$/,
  ],
  [
    "passes have been stopped by a signal for long",
    { passes: [pass({ exit: 143 })], last_success: now - 7_200 },
    {},
    /^critical: .* ended 2 h 0 min ago/,
  ],
  [
    "the last pass was stopped by a signal",
    { passes: [pass({ exit: 143 })] },
    {},
    undefined,
  ],
  [
    "some files failed",
    { passes: [pass({ exit: 1 })], failed: 2 },
    {},
    /^warning: 2 files could not be copied$/,
  ],
  [
    "a hook failed",
    { passes: [pass({ exit: 1, errors: ["on_new failed"] })] },
    {},
    /^warning: .* exit 1: .* \(on_new failed\)$/,
  ],
  ["it lags, and nobody minds", { lag_seconds: 5_000 }, {}, undefined],
  [
    "it lags more than allowed",
    { lag_seconds: 1_200 },
    { maxLagMs: 900_000 },
    /^critical: the lag is 20 min 0 s, more than 15 min 0 s$/,
  ],
];

for (const [what, more, given, expected] of cases) {
  Deno.test(`problemsOf() judges that ${what}`, () => {
    const [problem, ...others] = problemsOf(situation(more), {
      ...limits,
      ...given,
    });
    const told = problem && `${problem.gravity}: ${problem.text}`;
    if (expected === undefined) assertEquals(told, undefined);
    else assertMatch(told!, expected);
    assertEquals(others, []);
  });
}

Deno.test("problemsOf() tells the gravest first", () => {
  const problems = problemsOf(
    situation({ failed: 1, lag_seconds: 1_000 }),
    { ...limits, maxLagMs: 1 },
  );
  assertEquals(problems.map(({ gravity }) => gravity), ["critical", "warning"]);
});

Deno.test("sayHealth() says in one line that all is well", () => {
  assertEquals(
    sayHealth(situation(), []),
    "files come from production, no files wait, last pass 29 s ago",
  );
});

/** The plugin guidelines: one line, and `label=value[unit];warn;crit;min;max` after a bar. */
const nagiosLine =
  /^RELAIS (OK|WARNING|CRITICAL|UNKNOWN) - [^|\n]+(?: \| [a-z]+=(?:U|-?\d+(?:\.\d+)?)[a-zA-Z%]*(?:;[\d.]*){0,4}(?: [a-z]+=(?:U|-?\d+(?:\.\d+)?)[a-zA-Z%]*(?:;[\d.]*){0,4})*)?$/;

Deno.test("formatNagios() keeps to the format, whatever there is to say", () => {
  fc.assert(fc.property(
    fc.record({
      error: fc.string({ unit: "binary" }),
      exit: fc.integer({ min: 0, max: 143 }),
      failed: fc.nat(),
      lag: fc.nat(),
      success: fc.option(fc.integer({ min: 0, max: now + 100 })),
    }),
    ({ error, exit, failed, lag, success }) => {
      const how = situation({
        passes: [pass({ exit, errors: [error] })],
        failed,
        lag_seconds: lag,
        last_success: success,
      });
      const allowed = { ...limits, maxLagMs: 900_000 };
      const { line, status } = formatNagios([
        replicaPart(how, problemsOf(how, allowed), allowed),
      ]);
      assertMatch(line, nagiosLine);
      const [, word] = nagiosLine.exec(line)!;
      assertEquals(["OK", "WARNING", "CRITICAL"][status], word);
    },
  ));
  assertMatch(
    formatNagios([unknownPart("Cannot | read\nit")]).line,
    nagiosLine,
  );
});

Deno.test("parseTimers() reads what systemctl prints", () => {
  // systemd 252: systemctl list-timers --all --output=json relais.timer
  const printed =
    '[{"next":1790000060000000,"left":1790000060000000,"last":1790000000123456,"passed":1,"unit":"relais.timer","activates":"relais.service"}]\n';
  assertEquals(parseTimers(printed, "relais.timer"), 1_790_000_060);
  assertEquals(parseTimers("[]\n", "relais.timer"), undefined);
  assertEquals(
    parseTimers('[{"next":null,"unit":"relais.timer"}]', "relais.timer"),
    undefined,
  );
});

Deno.test("nextLoopPass() tells a loop that waits from a process that has ended", () => {
  const last = pass({ started: now - 20, seconds: 1 });
  const taken = (at: number, loop = true) => ({ taken: at, loop }) as Snapshot;
  assertEquals(nextLoopPass(taken(now - 1), last, 60_000, now), now + 40);
  assertEquals(
    nextLoopPass(taken(now - 1, false), last, 60_000, now),
    undefined,
  );
  assertEquals(nextLoopPass(taken(now - 10), last, 60_000, now), undefined);
  assertEquals(nextLoopPass(undefined, last, 60_000, now), undefined);
  const ahead = pass({ started: now + 20, seconds: 1 });
  assertEquals(nextLoopPass(taken(now + 30), ahead, 60_000, now), undefined);
  assertEquals(nextLoopPass(taken(now - 1), ahead, 60_000, now), undefined);
});

/** Files come from the backup. */
const failedOver = situation({
  active: "backup",
  reason: "production is unreachable",
  servers: ["production", "backup"].map((name) => ({
    ...{
      name,
      active: name === "backup",
      verdict: "up" as const,
      depth: "list" as const,
    },
    error: null,
    milliseconds: 1,
    list: null,
  })),
});

Deno.test("a failover is a warning, and critical only if somebody says so", () => {
  const text =
    "files come from backup instead of production: production is unreachable";
  for (
    const [criticalFailover, gravity, status] of [
      [false, "warning", 1],
      [true, "critical", 2],
    ] as const
  ) {
    const problems = problemsOf(failedOver, { ...limits, criticalFailover });
    assertEquals(problems, [{ gravity, text }]);
    assertEquals(
      formatNagios([replicaPart(failedOver, problems, limits)]).status,
      status,
    );
  }
});

Deno.test("replicaPart() knows no lag before the first pass", () => {
  const fresh = situation({ passes: [], last_success: null });
  const { line } = formatNagios([
    replicaPart(fresh, problemsOf(fresh, limits), limits),
  ]);
  assertMatch(line, /\| lag=U;;;0 age=U;/);
});
