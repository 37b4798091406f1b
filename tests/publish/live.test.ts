import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Line, Live } from "../../lib/publish/live.ts";
import type { Timestamp } from "../../lib/text/timestamp.ts";

function line(place: number, size = place): Line {
  return { size, mtime: `${place}.5` as Timestamp, place };
}

/** Few names, so that each comes often: with and without what is not ASCII. */
const name = fc.nat(60).map((n) => ["a/", "é/", "😀"][n % 3]! + n);

const action = fc.oneof(
  fc.record({ kind: fc.constant("set"), name }),
  fc.record({ kind: fc.constantFrom("delete", "mark"), name }),
);

Deno.test("Live does what a map of lines does", () => {
  fc.assert(fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
    const live = new Live();
    const lines = new Map<string, number>();
    const marked = new Set<string>();
    actions.forEach(({ kind, name }, index) => {
      const isThere = lines.has(name);
      if (kind === "mark") {
        assertEquals(live.mark(name), isThere);
        if (isThere) marked.add(name);
        return;
      }
      lines.delete(name);
      if (kind === "set") {
        live.set(name, line(index));
        lines.set(name, index);
      } else {
        live.delete(name);
        marked.delete(name);
      }
    });

    const paths = [...lines.keys()];
    assertEquals(live.size, lines.size);
    assertEquals([...live.paths()], paths);
    assertEquals(
      [...live.unmarked()],
      paths.filter((path) => !marked.has(path)),
    );
    for (let n = 0; n <= 60; n++) {
      const path = ["a/", "é/", "😀"][n % 3]! + n;
      const place = lines.get(path);
      assertEquals(live.has(path), place !== undefined);
      assertEquals(live.placeOf(path), place);
      assertEquals(live.isMarked(path), marked.has(path));
      if (place === undefined) continue;
      assertEquals(live.names(path, place, place * 1_000 + 500), true);
      assertEquals(live.names(path, place + 1, place * 1_000 + 500), false);
    }
  }));
});

Deno.test("Live holds more files than it first had room for, and forgets those that went", () => {
  const live = new Live();
  const path = (n: number) => `directory/é-${n}`;

  for (let n = 0; n < 10_000; n++) {
    live.set(path(n), line(n));
    if (n % 5 === 0) live.mark(path(n));
    if (n >= 100) live.delete(path(n - 100));
  }
  live.move(Float64Array.from({ length: 100 }, (_, index) => index));

  const rest = Array.from({ length: 100 }, (_, index) => path(9_900 + index));
  assertEquals([...live.paths()], rest);
  assertEquals(rest.map((each) => live.placeOf(each)), [...rest.keys()]);
  assertEquals(
    [...live.unmarked()].length,
    80,
  );
  assertEquals([...live.ofAtLeast(9_990)].length, 10);
});

Deno.test("Live knows no path that is too long for a list", () => {
  const live = new Live();
  live.set("é".repeat(2_048), line(1));

  assertEquals(live.has("é".repeat(2_048)), true);
  assertEquals(live.has("é".repeat(2_049)), false);
  assertEquals(live.has("é".repeat(4_096)), false);
  assertEquals(live.has("a".repeat(4_097)), false);
});
