import { assert, assertEquals } from "@std/assert";
import { mostUnderWay, Window } from "../../lib/copy-list/window.ts";

const KiB = 1024;
const MiB = 1024 * KiB;

/** Fills a window on a link that carries `rate` bytes a millisecond, and returns it when it has settled. */
function settle(
  { roundTripMs, rate, forMs = 20_000 }: {
    roundTripMs: number;
    rate: number;
    forMs?: number;
  },
): Window {
  const window = new Window();
  window.answered(roundTripMs);
  const flight: { bytes: number; at: number }[] = [];
  let freeAt = 0;
  for (let now = 0; now < forMs; now += 1) {
    while (flight.length > 0 && flight[0]!.at <= now) {
      const { bytes } = flight.shift()!;
      window.arrived(bytes, bytes, now);
    }
    for (
      let bytes;
      window.underWay + (bytes = window.piece(255 * KiB)) <= window.bytes;
    ) {
      window.ask(bytes, now);
      freeAt = Math.max(now, freeAt) + bytes / rate;
      flight.push({ bytes, at: freeAt + roundTripMs });
    }
  }
  return window;
}

Deno.test("Window stays small where the round trip is short", () => {
  assertEquals(settle({ roundTripMs: 0.5, rate: 400_000 }).bytes, 4 * MiB);
});

Deno.test("Window grows until it fills a long link, and not much beyond", () => {
  const fill = 125_000 * 100;
  const { bytes } = settle({ roundTripMs: 100, rate: 125_000 });
  assert(bytes >= fill && bytes <= 2.5 * fill, `${bytes}`);
});

Deno.test("Window believes in no link that would take all memory to fill", () => {
  const { bytes } = settle({ roundTripMs: 500, rate: 1_000_000 });
  assertEquals(bytes, mostUnderWay);
});

Deno.test("Window has no more under way on a slow link than comes in a second or so, in short pieces", () => {
  const window = settle({ roundTripMs: 30, rate: 125 });
  assert(window.bytes <= 300_000, `${window.bytes}`);
  const slow = settle({ roundTripMs: 30, rate: 6, forMs: 100_000 });
  assertEquals([slow.bytes, slow.piece(255 * KiB)], [64 * KiB, 32 * KiB]);
});

Deno.test("Window lets in what it has room for, in turn, and one at least", async () => {
  const window = new Window();
  const order: string[] = [];
  const enter = (name: string, bytes: number) =>
    window.enter(bytes, 0).then(() => order.push(name));
  await enter("large", 50 * MiB);
  const waiting = [enter("second", 10 * MiB), enter("third", 1)];
  await Promise.resolve();
  assertEquals(order, ["large"]);

  window.arrived(50 * MiB, 50 * MiB, 1);
  await waiting[0];
  window.arrived(10 * MiB, 10 * MiB, 2);
  await waiting[1];

  assertEquals(order, ["large", "second", "third"]);
});
