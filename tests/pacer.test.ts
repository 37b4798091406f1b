import { assert, assertEquals } from "@std/assert";
import { Pacer } from "../lib/pacer.ts";

Deno.test("Pacer.pause() lets timers run in work that waits for nothing", async () => {
  let beats = 0;
  const heart = setInterval(() => beats++, 10);
  const pacer = new Pacer();
  const until = performance.now() + 400;
  while (performance.now() < until) await pacer.pause();
  clearInterval(heart);
  assert(beats >= 1);
});

Deno.test("Pacer.pause() takes no turn of the event loop each time", async () => {
  let turned = false;
  const timer = setTimeout(() => turned = true, 0);
  const pacer = new Pacer();
  for (let time = 0; time < 100; time++) await pacer.pause();
  clearTimeout(timer);
  assertEquals(turned, false);
});
