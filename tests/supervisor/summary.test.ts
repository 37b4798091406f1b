import { assertEquals } from "@std/assert";
import { passReport } from "../../fixtures/pass-report.ts";
import { summarise } from "../../lib/supervisor/summary.ts";
import type { PassReport } from "../../lib/state/pass-report.ts";
import type { Probe, Probed } from "../../lib/test-server/operations.ts";

function probe(server: string, verdict: Probe["verdict"] = "up"): Probe {
  return {
    server,
    verdict,
    depth: verdict === "up" ? "list" : "nothing",
    failure: null,
    milliseconds: 20,
    list: null,
    unchanged: false,
    read: true,
    wireBytes: 0,
  };
}

const now = Date.UTC(2026, 10, 23, 10, 30);

const allWell: Probed = {
  active: "production",
  activeSince: Date.UTC(2026, 10, 20, 8, 0),
  previous: "production",
  reason: "it is the preferred server",
  probes: [probe("production"), probe("backup")],
  relays: [],
  wireBytes: 0,
  left: {
    kept: null,
    unannounced: false,
    lagSeconds: 0,
    missing: { refused: { count: 0, reasons: [] }, failed: [] },
  },
};

function told(more: Partial<PassReport>, probed: Partial<Probed> = {}) {
  return summarise({
    report: passReport(more),
    probed: { ...allWell, ...probed },
  }, { now });
}

Deno.test("a summary says what came, from where, and how fast", () => {
  assertEquals(told({}), ["Nothing new on production, in 0.25 s."]);
  assertEquals(told({ copied: 1, bytes: 12 }), [
    "Copied 1 file from production, 12 B, in 0.25 s.",
  ]);
  assertEquals(
    told({
      copied: 40,
      bytes: 2_000_000,
      reused: 500_000,
      adopted: 2,
      removed: 1,
      seconds: 4,
    }),
    [
      "Copied 40 files from production, 2 MB, found 2 files on the replica, removed 1 file that it withdrew, in 4 s, 500 kB/s.",
      "500 kB of that were reused from the replica.",
    ],
  );
});

Deno.test("a summary says what failed, and how far the replica is behind", () => {
  const failed = [{ path: "a.csv", error: "a.csv: no such file" }];

  assertEquals(told({ failed, lag_seconds: 600 }), [
    "Copied nothing from production, in 0.25 s.",
    "1 file could not be copied; the next pass tries again.",
    "The replica is 10 min 0 s behind.",
  ]);
  assertEquals(told({ errors: ["stopped before all was copied"] }), [
    "Copied nothing from production, in 0.25 s.",
  ]);
});

Deno.test("a summary names the failover for as long as it lasts", () => {
  const failover = {
    active: "backup",
    activeSince: Date.UTC(2026, 10, 23, 9, 58),
    reason: "production is unreachable",
    probes: [probe("production", "unreachable"), probe("backup")],
  };
  const yesterday = Date.UTC(2026, 10, 22, 9, 58);

  assertEquals(told({ server: "backup" }, failover), [
    "Nothing new on backup, in 0.25 s.",
    "production is unreachable; files come from backup since 09:58Z.",
  ]);
  assertEquals(
    told({ server: "backup" }, { ...failover, activeSince: yesterday })[1],
    "production is unreachable; files come from backup since 2026-11-22T09:58Z.",
  );
});

Deno.test("a summary tells a stop before any answer from servers that do not serve", () => {
  const none = { active: null, probes: [] };
  const down = [probe("production", "unreachable"), probe("backup", "stale")];

  assertEquals(told({ server: null }, none), [
    "Stopped before the servers were probed; nothing was changed.",
  ]);
  assertEquals(told({ server: null }, { active: null, probes: down }), [
    "No server is available: production is unreachable, backup is stale. The copy stays as it is.",
  ]);
});

Deno.test("a summary of a dry run says what a pass would do", () => {
  const plan = [
    { action: "copy", path: "a", size: 1_000 },
    { action: "copy", path: "b", size: 500 },
    { action: "remove", path: "c", size: 7 },
  ] as const;

  assertEquals(told({ plan }), [
    "A pass would copy 2 files from production (1.5 kB) and remove 1 here.",
  ]);
  assertEquals(told({ plan: [] }), [
    "A pass would copy 0 files from production (0 B).",
  ]);
});

Deno.test("a summary says why, where nothing else tells it with each pass", () => {
  const failed = [{
    path: "a.csv",
    error: "Cannot open a.csv on production: permission denied",
  }];
  const report = passReport({
    failed,
    errors: ["hooks.on_new failed: exit status 1"],
  });
  const refused = {
    ...probe("production", "refused"),
    failure: {
      name: "AuthenticationError",
      exitStatus: 6,
      retriable: false,
      message: "Cannot log in to production",
    },
  };

  assertEquals(
    summarise({ report, probed: allWell }, { reasons: true, now }),
    [
      "Copied nothing from production, in 0.25 s.",
      "1 file could not be copied (Cannot open a.csv on production: permission denied); the next pass tries again.",
      "hooks.on_new failed: exit status 1.",
    ],
  );
  assertEquals(
    summarise({
      report: passReport({ server: null }),
      probed: { ...allWell, active: null, probes: [refused] },
    }, { reasons: true, now }),
    [
      "No server is available: production is refused (Cannot log in to production). The copy stays as it is.",
    ],
  );
});
