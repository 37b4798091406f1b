import { assert, assertEquals, assertRejects } from "@std/assert";
import { Slots } from "../../lib/copy-list/window.ts";
import { StoppedError } from "../../lib/errors.ts";
import { Throttle } from "../../lib/files/throttle.ts";

Deno.test("Throttle.pass() lets what exceeds the bucket wait, and keeps the order", async () => {
  const throttle = new Throttle({ bytesPerSecond: 1_000 });
  const passed: number[] = [];
  const waiting = [1, 2, 3].map((turn) =>
    throttle.pass(250).then(() => passed.push(turn))
  );
  const rush = throttle.pass(0).then(() => passed.push(4));
  await waiting[0];
  assertEquals(passed, [1]);
  await Promise.all([...waiting, rush]);
  assertEquals(passed, [1, 2, 3, 4]);
});

Deno.test("Throttle.pass() lets everything through without a limit", async () => {
  const throttle = new Throttle({ bytesPerSecond: 0 });
  await Promise.all(Array.from({ length: 100 }, () => throttle.pass(1e9)));
});

Deno.test("Throttle.pass() holds to its limit within 5 % over 10 s, however much is asked for at a time", async () => {
  for (const bytes of [1, 1_000, 261_120]) {
    let now = 0;
    const clock = {
      now: () => now,
      delay: (ms: number) => Promise.resolve(void (now += ms)),
    };
    const bytesPerSecond = 5_000 * bytes;
    const throttle = new Throttle({ bytesPerSecond }, clock);
    let passed = 0;
    for (; now < 10_000; passed += bytes) await throttle.pass(bytes);
    const share = passed / (10 * bytesPerSecond);
    assert(share > 0.95 && share < 1.05, `${share} of ${bytesPerSecond}`);
  }
});

Deno.test("Throttle.pass() lets no more through than may pass altogether", async () => {
  const throttle = new Throttle({ bytesPerSecond: 0, total: 10 });
  await throttle.pass(6);
  await assertRejects(() => throttle.pass(5), StoppedError, "--max-transfer");
  await throttle.pass(4);
});

Deno.test("Throttle.stop() lets nothing through any more, not even what waits", async () => {
  const throttle = new Throttle({ bytesPerSecond: 1 });
  await throttle.pass(3_600);
  const waiting = [1, 2].map(() => throttle.pass(1));

  throttle.stop();

  for (const each of [...waiting, throttle.pass(0)]) {
    await assertRejects(() => each, StoppedError, "before all was copied");
  }
});

Deno.test("Slots.take() gives no more slots than there are, first come, first served", async () => {
  const slots = new Slots(3);
  const order: string[] = [];
  await slots.take(2);
  const big = slots.take(3).then(() => order.push("big"));
  const small = slots.take(1).then(() => order.push("small"));
  slots.give(2);
  await big;
  assertEquals(order, ["big"]);
  slots.give(3);
  await small;
  assertEquals(order, ["big", "small"]);
});
