import { assertEquals, assertLessOrEqual, assertMatch } from "@std/assert";
import * as v from "valibot";
import { tables } from "../../lib/config/schema.ts";
import { firstSentence, type Key, table } from "../../lib/config/table.ts";
import { anyText, whole } from "../../lib/config/value.ts";

/** Every key, under its name with that of its table. */
const keys = Object.entries(tables).flatMap(([name, { keys }]) =>
  Object.entries<Key>(keys).map(([key, declared]) =>
    [`${name}.${key}`, declared] as const
  )
);

/** Keys whose values depend on the accounts of this machine. */
const ofThisMachine = ["replica.owner", "replica.group"];

Deno.test("every default and every example is a value that its key takes", () => {
  const wrong = keys.flatMap(([name, key]) =>
    [key.default, key.example]
      .filter((value) => value !== undefined)
      .filter((value) => value === "" || !ofThisMachine.includes(name))
      .filter((value) => !v.safeParse(key.kind, value).success)
      .map((value) => [name, value])
  );

  assertEquals(wrong, []);
});

Deno.test("every example shows something else than the default", () => {
  const same = keys.filter(([, key]) => key.example === key.default);

  assertEquals(same, []);
});

Deno.test("every explanation is of sentences, and the first one fits beside its key", () => {
  const form = /^[A-Z"].*[^.]\.$/;

  for (const [name, { help }] of Object.entries(tables)) {
    assertMatch(help, form, name);
  }
  for (const [name, { help }] of keys) {
    assertMatch(help, form, name);
    assertLessOrEqual(firstSentence(help).length, 76, name);
  }
});

Deno.test("a key without an explanation, or an example that it needs, does not compile", () => {
  const about = { header: "[x]", help: "For the type check alone." };
  const text = { kind: anyText, help: "A text." } as const;
  const number = { kind: whole(1, 2), help: "A number." } as const;

  table({ ...about, keys: { x: { ...text, default: "x" } } });
  // @ts-expect-error: it is not explained.
  table({ ...about, keys: { x: { kind: anyText, default: "x" } } });
  // @ts-expect-error: nothing shows what it looks like.
  table({ ...about, keys: { x: text } });
  // @ts-expect-error: an empty default does not show it either.
  table({ ...about, keys: { x: { ...text, default: "" } } });
  // @ts-expect-error: its default is of another kind.
  table({ ...about, keys: { x: { ...number, default: "1" } } });
  // @ts-expect-error: so is its example.
  table({ ...about, keys: { x: { ...number, example: "1" } } });
  // @ts-expect-error: what is misspelt would be in no manual.
  table({ ...about, keys: { x: { ...text, example: "x", detials: "." } } });
});
