import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  parseDuration,
  parseMaxDelete,
  parseRate,
  parseSize,
} from "../../lib/config/units.ts";

const durations = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };
const sizes = { B: 1, kB: 1e3, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };
const binarySizes = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };

/** Writes milliseconds with every unit that is needed: 90 000 is `1m30s`. */
function writeDuration(milliseconds: number): string {
  let rest = milliseconds;
  const parts = Object.entries(durations).map(([unit, factor]) => {
    const count = Math.floor(rest / factor);
    rest -= count * factor;
    return count === 0 ? "" : `${count}${unit}`;
  });
  return parts.join("") || "0s";
}

Deno.test("parseDuration() reads one unit, several, and a bare 0", () => {
  assertEquals(
    ["0", "0s", "500ms", "5s", "1m", "1m30s", "1h", "2d", "1d2h3m4s5ms"].map(
      parseDuration,
    ),
    [
      0,
      0,
      500,
      5_000,
      60_000,
      90_000,
      3_600_000,
      172_800_000,
      93_784_005,
    ],
  );
});

for (
  const text of [
    "",
    "5",
    "s",
    "1 s",
    " 1s",
    "1s\n",
    "-1s",
    "1.5s",
    "1S",
    "1w",
    "30s1m",
    "1s1s",
    "1e3s",
    "99999999999999999d",
  ]
) {
  Deno.test(`parseDuration() refuses ${JSON.stringify(text)}`, () => {
    assertEquals(parseDuration(text), undefined);
  });
}

Deno.test("parseDuration() reads back every duration that can be written", () => {
  fc.assert(fc.property(fc.maxSafeNat(), (milliseconds) => {
    assertEquals(parseDuration(writeDuration(milliseconds)), milliseconds);
  }));
});

Deno.test("parseSize() knows powers of 1000 and of 1024", () => {
  assertEquals(
    ["0", "7", "10MB", "10 MB", "64KiB", "1MiB", "1.5GB", "2TiB"].map(
      parseSize,
    ),
    [
      0,
      7,
      10_000_000,
      10_000_000,
      65_536,
      1_048_576,
      1_500_000_000,
      2_199_023_255_552,
    ],
  );
});

for (
  const text of [
    "",
    "MB",
    "-1MB",
    "10mb",
    "10M",
    "10Mbit",
    "10  MB",
    ".5MB",
    "1e3",
    "10MB/s",
    "1constructor",
    "9007199254740993TB",
  ]
) {
  Deno.test(`parseSize() refuses ${JSON.stringify(text)}`, () => {
    assertEquals(parseSize(text), undefined);
  });
}

Deno.test("parseSize() reads back every whole size in every unit", () => {
  const unit = fc.constantFrom(
    ...Object.entries({ ...sizes, ...binarySizes, "": 1 }),
  );
  fc.assert(fc.property(fc.nat(4_096), unit, (count, [name, factor]) => {
    assertEquals(parseSize(`${count}${name}`), count * factor);
  }));
});

Deno.test("parseRate() reads a size, with /s or without", () => {
  assertEquals(
    ["0", "20MB/s", "20MB", "64KiB/s", "20MB/m", "/s", "20MB/s/s"].map(
      parseRate,
    ),
    [0, 20_000_000, 20_000_000, 65_536, undefined, undefined, undefined],
  );
});

Deno.test("parseMaxDelete() tells a share from a number of files", () => {
  assertEquals(
    ["0%", "10%", "12.5 %", "100%", 0, 100].map(parseMaxDelete),
    [
      { share: 0 },
      { share: 0.1 },
      { share: 0.125 },
      { share: 1 },
      { files: 0 },
      { files: 100 },
    ],
  );
});

for (const given of ["", "%", "10", "100.1%", "-1%", "1e1%", -1, 1.5, NaN]) {
  Deno.test(`parseMaxDelete() refuses ${JSON.stringify(given)}`, () => {
    assertEquals(parseMaxDelete(given), undefined);
  });
}

Deno.test("units are read from any text, or refused, and never come out negative", () => {
  fc.assert(fc.property(fc.string(), (text) => {
    for (const parse of [parseDuration, parseSize, parseRate]) {
      const value = parse(text) ?? 0;
      assert(Number.isSafeInteger(value) && value >= 0, text);
    }
  }));
});
