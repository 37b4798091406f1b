import { assertEquals } from "@std/assert";
import type { HooksConfig } from "../../lib/config/config.ts";
import { examineHooks } from "../../lib/check/hooks.ts";

const none: HooksConfig = {
  onNew: [],
  onNewTimeoutMs: 1_000,
  onFailover: [],
  onFailback: [],
  onError: [],
  onRecovered: [],
  onLag: [],
  onLeader: [],
  maxLagMs: 0,
  settleMs: 0,
  ping: "",
};

/** What check says of these hooks. */
function told(hooks: Partial<HooksConfig>) {
  return examineHooks({ ...none, ...hooks }).map(({ what, ok, told }) =>
    `${ok ? "ok" : "FAILED"} ${what}: ${told}`
  );
}

Deno.test("examineHooks() tells that on_lag never runs without max_lag", () => {
  assertEquals(told({ onLag: ["/bin/sh"], maxLagMs: 60_000 }), [
    "ok hooks.on_lag: /bin/sh",
  ]);
  assertEquals(told({ onLag: ["/bin/sh"] }), [
    "ok hooks.on_lag: /bin/sh",
    'FAILED hooks.on_lag: it never runs: set hooks.max_lag, for example to "15m"',
  ]);
});

Deno.test("examineHooks() tells that on_leader never runs without a cluster", () => {
  const hooks = { ...none, onLeader: ["/bin/sh"] };

  const alone = examineHooks(hooks).map(({ ok, what }) => [ok, what]);
  const node = examineHooks(hooks, true).map(({ ok, what }) => [ok, what]);

  assertEquals(alone, [[true, "hooks.on_leader"], [false, "hooks.on_leader"]]);
  assertEquals(node, [[true, "hooks.on_leader"]]);
});
