import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { DatabaseSync } from "node:sqlite";
import { passReport } from "../../fixtures/pass-report.ts";
import { follow, type Lasting } from "../../lib/stat/condition.ts";
import { readTold, writeTold } from "../../lib/stat/notice-memory.ts";
import {
  isError,
  judgeLead,
  judgePass,
  judgeSwitch,
  type Notice,
  type NoticePolicy,
  type Told,
} from "../../lib/stat/notices.ts";
import type { PassReport } from "../../lib/state/pass-report.ts";
import { migrate } from "../../lib/state/schema.ts";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

const policy: NoticePolicy = {
  preferred: "production",
  maxLagMs: 15 * minute,
  settleMs: 10 * minute,
};

function brief({ event, condition, again }: Notice): string {
  return `${event} ${condition}${again ? " again" : ""}`;
}

Deno.test("follow() says each beginning and each end once, and a reminder a day", () => {
  fc.assert(fc.property(
    fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 30 * hour }))),
    fc.integer({ min: 0, max: hour }),
    (sightings, settleMs) => {
      let now = 0;
      let lasting: Lasting | undefined;
      let lastTold = 0;
      for (const [isSeen, wait] of sightings) {
        now += wait;
        const before = lasting;
        const step = follow(before, isSeen, now, settleMs);
        lasting = step.lasting;
        const expected = before === undefined
          ? isSeen ? "begins" : undefined
          : isSeen
          ? now - lastTold >= day ? "lasts" : undefined
          : now - before.seen >= settleMs
          ? "is over"
          : undefined;
        assertEquals(step.word, expected);
        if (step.word !== undefined) lastTold = now;
        assertEquals(
          lasting === undefined,
          expected === "is over" || (before === undefined && !isSeen),
        );
      }
    },
  ));
});

Deno.test("follow() goes on when the clock goes back", () => {
  const known = { began: 50 * day, seen: 60 * day, told: 60 * day };
  const back = follow(known, true, day, minute);
  assertEquals(back, { lasting: { began: day, seen: day, told: day } });
  assertEquals(follow(back.lasting, true, 2 * day, minute).word, "lasts");
  const gone = follow(known, false, day, minute);
  assertEquals(follow(gone.lasting, false, day + minute, minute), {
    lasting: undefined,
    word: "is over",
  });
});

/** A replica's state, and the notices of passes that end at given times. */
function watcher() {
  const db = new DatabaseSync(":memory:");
  migrate(db);
  return {
    pass(now: number, report: Partial<PassReport>): readonly Notice[] {
      const judged = judgePass(readTold(db), passReport(report), policy, now);
      writeTold(db, judged.told);
      return judged.notices;
    },
    switch(now: number, server: string): readonly Notice[] {
      const change = { server, reason: "why" };
      const judged = judgeSwitch(readTold(db), change, policy, now);
      writeTold(db, judged.told);
      return judged.notices;
    },
    [Symbol.dispose]: () => db.close(),
  };
}

Deno.test("a pass a minute for three days is told of in exactly these notices", () => {
  using replica = watcher();
  const told: string[] = [];
  for (let at = 0; at < 3 * 24 * 60; at++) {
    const within = (from: number, to: number) => at >= from && at < to;
    const down = within(3 * 60, 5 * 60) || within(23 * 60, 70 * 60);
    const none = within(7 * 60, 7 * 60 + 30);
    // A file that fails in every other pass, for six hours.
    const flapping = within(10 * 60, 16 * 60) && at % 2 === 0;
    const server = none ? null : down ? "backup" : "production";
    const lagging = within(4 * 60, 4 * 60 + 20);
    const notices = replica.pass(at * minute, {
      server,
      exit: none ? 3 : flapping ? 1 : 0,
      lag_seconds: lagging ? 1_000 : 30,
    });
    for (const notice of notices) {
      const time = new Date(at * minute).toISOString().slice(8, 16);
      told.push(`${time} ${brief(notice)}`);
    }
  }
  assertEquals(told, [
    "01T03:00 failover server:backup",
    "01T04:00 lag lag",
    "01T04:29 recovered lag",
    "01T05:00 failback server:backup",
    "01T07:00 error exit:3",
    "01T07:39 recovered exit:3",
    "01T10:00 error exit:1",
    "01T16:08 recovered exit:1",
    "01T23:00 failover server:backup",
    "02T23:00 failover server:backup again",
    "03T22:00 failback server:backup",
  ]);
});

Deno.test("judgeSwitch() tells at once, and the end of the pass does not tell it again", () => {
  using replica = watcher();
  const [first, ...others] = replica.switch(minute, "backup");
  assertEquals(others, []);
  assertEquals(first, {
    event: "failover",
    condition: "server:backup",
    again: false,
    began: 60,
    seconds: 0,
    server: "backup",
    reason: "why",
    exit: null,
    lag_seconds: null,
    errors: [],
    failed: [],
    node: null,
    former: null,
    term: null,
  });
  assertEquals(replica.pass(2 * minute, { server: "backup" }), []);
  assertEquals(replica.switch(3 * minute, "second").map(brief), [
    "failover server:second",
  ]);
  assertEquals(replica.switch(4 * minute, "production").map(brief), [
    "failback server:second",
  ]);
  assertEquals(replica.pass(5 * minute, {}), []);
});

Deno.test("passes that fail in another way have not recovered", () => {
  using replica = watcher();
  const told = [
    replica.pass(0, { exit: 3, server: null }),
    replica.pass(20 * minute, { exit: 1 }),
    replica.pass(40 * minute, { exit: 0 }),
  ];
  assertEquals(told.map((notices) => notices.map(brief)), [
    ["error exit:3"],
    ["error exit:1"],
    ["recovered exit:1"],
  ]);
});

Deno.test("judgePass() learns nothing from a pass that was stopped", () => {
  using replica = watcher();
  assertEquals(replica.pass(minute, { exit: 143 }), []);
  assertEquals(replica.pass(2 * minute, { exit: 3, server: null }).length, 1);
  assertEquals(replica.pass(hour, { exit: 130 }), []);
});

Deno.test("a notice names no more than the first failed files", () => {
  using replica = watcher();
  const failed = Array.from({ length: 1_000 }, (_, file) => ({
    path: `${file}.csv`,
    error: "no",
  }));
  const [notice] = replica.pass(minute, { exit: 1, failed });
  assertEquals(notice!.failed, failed.slice(0, 20));
});

Deno.test("judgeLead() tells of a node once, and it is over once that has shown signs of life for a while", () => {
  const lead = (told: Told, at: number) =>
    judgeLead(told, { former: "r1", term: 7 }, { ...policy, node: "r2" }, at);
  const pass = (told: Told, at: number, silent: readonly string[]) =>
    judgePass(told, passReport({}), policy, at, { silent });

  const begun = lead({}, 0);
  const again = lead(begun.told, minute);
  const silent = pass(again.told, 5 * minute, ["r1"]);
  const alive = pass(silent.told, 14 * minute, []);
  const over = pass(alive.told, 15 * minute, []);

  const [notice] = begun.notices;
  const { node, former, term, reason } = notice!;
  assertEquals(brief(notice!), "leader leader:r1");
  assertEquals([node, former, term], ["r2", "r1", 7]);
  assertEquals(reason, "r1 led before and did not give it up");
  assertEquals([again.notices, silent.notices, alive.notices], [[], [], []]);
  assertEquals(over.notices.map(brief), ["recovered leader:r1"]);
});

Deno.test("judgePass() leaves alone what a pass does not concern", () => {
  const bad = judgePass(
    {},
    passReport({ server: "backup", exit: 4, lag_seconds: 1_000 }),
    policy,
    0,
    { concerns: isError },
  );

  assertEquals(bad.notices.map(brief), ["error exit:4"]);
});

Deno.test("judgeSwitch() waits where nodes take turns until another server has not been seen for a while", () => {
  const patient = { ...policy, serverSettleMs: 10 * minute };
  const at = (told: Told, now: number, server: string) =>
    judgeSwitch(told, { server, reason: "why" }, patient, now);

  const gone = at({}, 0, "backup");
  const back = at(gone.told, minute, "production");
  const goneAgain = at(back.told, 2 * minute, "backup");
  const over = at(goneAgain.told, 12 * minute, "production");

  assertEquals(
    [gone, back, goneAgain, over].map(({ notices }) => notices.map(brief)),
    [["failover server:backup"], [], [], ["failback server:backup"]],
  );
});
