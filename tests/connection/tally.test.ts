import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Share, Tally } from "../../lib/connection/tally.ts";

/** A session whose bytes the test counts. */
function tallied() {
  const wire = { bytes: 0 };
  return { wire, tally: new Tally(() => wire.bytes) };
}

Deno.test("Tally gives the login to who began it, and nobody what comes between the uses", () => {
  const { wire, tally } = tallied();
  const first = tally.begin();
  const second = tally.begin();
  wire.bytes += 3_000;
  tally.asked(second);
  wire.bytes += 100;
  tally.answered(second);
  wire.bytes += 5;
  assertEquals([tally.end(first), tally.end(second)], [3_000, 105]);

  wire.bytes += 40;
  const third = tally.begin();
  wire.bytes += 7;
  assertEquals(tally.end(third), 7);
});

Deno.test("Tally divides what comes by the requests that are under way", () => {
  const { wire, tally } = tallied();
  const [copy, probe] = [tally.begin(), tally.begin()];
  for (let request = 0; request < 9; request++) tally.asked(copy);
  tally.asked(probe);
  wire.bytes += 1_000;
  tally.answered(probe);
  wire.bytes += 200;

  assertEquals([tally.end(probe), tally.end(copy)], [100, 1_100]);
});

Deno.test("Tally counts no byte twice, and while there is a use none is left out", () => {
  const step = fc.record({
    what: fc.constantFrom("begin", "end", "asked", "answered"),
    of: fc.nat(3),
    bytes: fc.nat(1_000),
  });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const { wire, tally } = tallied();
      // Its request is under way as long as there are others.
      const all = tally.begin();
      tally.asked(all);
      const shares: Share[] = [];
      let ended = 0;
      for (const { what, of, bytes } of steps) {
        const share = shares[of];
        if (what === "begin") shares.push(tally.begin());
        else if (share === undefined) continue;
        else if (what === "end") ended += tally.end(shares.splice(of, 1)[0]!);
        else if (what === "asked") tally.asked(share);
        else if (share.underWay > 0) tally.answered(share);
        wire.bytes += bytes;
      }
      for (const share of shares) ended += tally.end(share);

      assertEquals(tally.end(all) + ended, wire.bytes);
    }),
  );
});
