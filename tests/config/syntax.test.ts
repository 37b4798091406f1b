import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { problemsOf } from "../../fixtures/config/texts.ts";

/** Files that are no TOML: where that is seen, and what is told. */
const syntax: [text: string, told: string][] = [
  ["[replica\ninto = 1", "2:1: expected a key, = and a value on one line"],
  [
    `[log]\nfile = /var/log/relais.log`,
    '2:8: unexpected character; a text stands in quotes, like file = "…"',
  ],
  [
    "[schedule]\nevery = 5s",
    '2:10: expected the end of the line after the value; a text stands in quotes, like every = "…"',
  ],
  ["a = 1\na = 2", "2:1: this key or table is there already, further up"],
  ["[copy]\n[copy]", "2:2: this key or table is there already, further up"],
  ["a = ", "1:5: expected a value"],
  ['a = "x', "1:7: the quotes of this text are not closed"],
  ["a b = 1", "1:3: expected = after the key"],
  ["port = 022", "1:8: leading zeros are not allowed"],
];

for (const [text, told] of syntax) {
  Deno.test(`parseConfig() tells the line and column of ${JSON.stringify(text)}`, () => {
    const [problem, ...others] = problemsOf(text);

    assertStringIncludes(problem!, told);
    assertEquals(others, []);
  });
}

Deno.test("parseConfig() repeats no value of a line that is no TOML", () => {
  const [problem] = problemsOf("password = hunter2");

  assert(!problem!.includes("hunter2"), problem);
});
