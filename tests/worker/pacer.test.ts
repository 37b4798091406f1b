import { assertEquals } from "@std/assert";
import { Pacer } from "../../lib/worker/pacer.ts";

/** Pauses so often while `stepMs` pass each time; returns whether a timer that was due meanwhile has run. */
async function turns(times: number, stepMs: number): Promise<boolean> {
  let now = 0;
  const pacer = new Pacer(() => now);
  let turned = false;
  const timer = setTimeout(() => turned = true, 0);
  for (let time = 0; time < times; time++) {
    now += stepMs;
    await pacer.pause();
  }
  clearTimeout(timer);
  return turned;
}

Deno.test("Pacer.pause() lets timers run in work that waits for nothing", async () => {
  assertEquals(await turns(100, 10), true);
});

Deno.test("Pacer.pause() takes no turn of the event loop each time", async () => {
  assertEquals(await turns(99, 1), false);
});
