import { assert, assertEquals } from "@std/assert";
import { Window } from "../lib/copy/window.ts";

const MiB = 1024 * 1024;

/** Runs a window on a link that carries `rate` bytes a millisecond; returns what it comes to. */
function settle(
  { roundTripMs, rate, most = 64 * MiB }: {
    roundTripMs: number;
    rate: number;
    most?: number;
  },
): number {
  const window = new Window({ roundTripMs, most, now: 0 });
  for (let now = 0; now < 10_000; now += 10) {
    // No more comes in a round trip than there is under way.
    window.arrived(Math.min(rate, window.bytes / roundTripMs) * 10, now);
  }
  return window.bytes;
}

Deno.test("Window stays small where the round trip is short", () => {
  assertEquals(settle({ roundTripMs: 0.5, rate: 400_000 }), 4 * MiB);
});

Deno.test("Window grows until it fills a long link, and not much beyond", () => {
  const fill = 125_000 * 100;
  const window = settle({ roundTripMs: 100, rate: 125_000 });
  assert(window >= fill && window <= 2.2 * fill, `${window}`);
});

Deno.test("Window never grows beyond its bound", () => {
  const bounds = { roundTripMs: 200, rate: 1_000_000, most: 8 * MiB };
  assertEquals(settle(bounds), 8 * MiB);
});
