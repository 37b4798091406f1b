import { assertEquals } from "@std/assert";
import {
  goesOn,
  isBarren,
  mostBarren,
  pays,
  type Prospect,
} from "../../lib/delta/worth.ts";

const GB = 1e9;

/** A gigabyte of which all is of use, a quick disk, and a server that sends 10 MB/s. */
function prospect(more: Partial<Prospect>): Prospect {
  return {
    size: GB,
    oldSize: GB,
    share: 1,
    fetching: 10_000,
    reading: 1_000_000,
    ...more,
  };
}

Deno.test("pays() weighs what need not be fetched against what must be searched", () => {
  const cases: [Partial<Prospect>, boolean][] = [
    [{}, true],
    [{ fetching: 200_000 }, true],
    [{ share: 0 }, false],
    [{ share: 0.1 }, true],
    [{ share: 0.1, fetching: 200_000 }, false],
    [{ reading: 11_000 }, false],
    // The new version is a small part of the old one.
    [{ size: GB / 1_000 }, false],
    // It has a small old one in it.
    [{ oldSize: GB / 100 }, true],
  ];
  assertEquals(
    cases.map(([more]) => pays(prospect(more))),
    cases.map(([, expected]) => expected),
  );
});

Deno.test("goesOn() bounds what a search that finds nothing may take", () => {
  const nothing = prospect({ share: 0 });
  const plainMs = GB / 10_000;
  assertEquals(
    [0.04, 0.06].map((share) =>
      goesOn({ ms: share * plainMs, found: 0 }, nothing)
    ),
    [true, false],
  );
  // What was found, or is expected, has been gained.
  const ms = 0.06 * plainMs;
  assertEquals(goesOn({ ms, found: 0.1 * GB }, nothing), true);
  assertEquals(goesOn({ ms, found: 0 }, prospect({ share: 0.5 })), true);
});

Deno.test("isBarren() ends a search where nothing was found for long, and no sample of what is left was of use", () => {
  const searched = GB / 2;
  const long = mostBarren + 1;
  assertEquals(isBarren({ searched, barren: long }, []), true);
  assertEquals(isBarren({ searched, barren: long }, [GB / 4]), true);
  assertEquals(isBarren({ searched, barren: long }, [GB / 4, GB]), false);
  assertEquals(isBarren({ searched, barren: mostBarren }, []), false);
});
