import { assertEquals } from "@std/assert";
import { compileGlobs, literalPrefix } from "../../lib/text/glob.ts";

const cases: [glob: string, path: string, matches: boolean][] = [
  ["*.csv", "a.csv", true],
  ["*.csv", "deep/below/a.csv", true],
  ["*.csv", "a.csv.bak", false],
  ["a/*.csv", "a/b.csv", true],
  ["a/*.csv", "x/a/b.csv", false],
  ["a/*.csv", "a/b/c.csv", false],
  ["**/tmp", "x/y/tmp/z", true],
  ["tmp/", "x/tmp/y", true],
  ["/tmp", "x/tmp", false],
  ["/tmp", "tmp/x", true],
  ["stock/**", "stock/x/y", true],
  ["stock/**/*.csv", "stock/y.csv", true],
  ["{a,b}.csv", "b.csv", true],
  ["[ab].csv", "c.csv", false],
  ["?.csv", "ab.csv", false],
  ["été.csv", "été.csv", true],
  ["a b", "x/a b/c", true],
];

for (const [glob, path, matches] of cases) {
  Deno.test(`compileGlobs() ${matches ? "covers" : "leaves out"} ${path} with ${glob}`, () => {
    assertEquals(compileGlobs([glob])(path), matches);
  });
}

Deno.test("compileGlobs() of nothing covers nothing", () => {
  assertEquals(compileGlobs([])("a"), false);
});

Deno.test("literalPrefix() is what each path that a glob matches begins with", () => {
  for (const [glob, path, matches] of cases) {
    if (matches) assertEquals(path.startsWith(literalPrefix(glob)), true, glob);
  }
  assertEquals(
    ["a/b.csv", "/tmp", "tmp/", "stock/**/*.csv", "a/{b,c}", "x.csv", "*/a"]
      .map(literalPrefix),
    ["a/b.csv", "tmp", "", "stock/", "a/", "", ""],
  );
});
