import { assertEquals } from "@std/assert";
import { globToRegExp } from "@std/path/posix";
import fc from "fast-check";
import { isInstalled, which } from "../../fixtures/programs.ts";
import { globsToEre } from "../../lib/publish/sh/ere.ts";

/** Every awk that is here; any of them may be on a server. */
const awks = [["awk"], ["busybox", "awk"], ["gawk"], ["original-awk"]].filter(
  ([program]) =>
    program === "busybox" ? isInstalled(program) : which(program!) !== "",
);

/** Returns which paths match, as `awk` sees it. */
function matching(
  [awk, ...args]: readonly string[],
  globs: readonly string[],
  paths: readonly string[],
): string[] {
  const program =
    "BEGIN { for (i = 1; i < ARGC; i++) print (ARGV[i] ~ filter) }";
  const { stdout, stderr } = new Deno.Command(awk!, {
    args: [...args, "-v", `filter=${globsToEre(globs)}`, program, ...paths],
    env: { LC_ALL: "C" },
  }).outputSync();
  assertEquals(new TextDecoder().decode(stderr), "", globs.join(" "));
  const found = new TextDecoder().decode(stdout).trimEnd().split("\n");
  return paths.filter((_, index) => found[index] === "1");
}

/** Returns which paths match, as relais sees it. */
function expected(globs: readonly string[], paths: readonly string[]) {
  const expressions = globs.map((glob) =>
    globToRegExp(glob, { extended: false, globstar: true })
  );
  return paths.filter((path) => expressions.some((one) => one.test(path)));
}

const globs = [
  "/d/*",
  "/d/**",
  "/d/**/*",
  "/d/**/*.csv",
  "/d/**/a/**/b",
  "/d/a**b",
  "/d/?",
  "/d/??",
  "/d/?é",
  "/d/[a-c]",
  "/d/[!a-c]",
  "/d/[^a]",
  "/d/[é-î]x",
  "/d/[!é]",
  "/d/[]a]",
  "/d/[\\]\\\\\\-]",
  "/d/[a\\-c]",
  "/d/[!\\]]",
  "/d/[[:alpha:]][[:digit:]]",
  "/d/[[:space:]]",
  "/d/[[:punct:]]",
  "/d/{a,b*,c/**}/x",
  "/d/{a,{b,c}}",
  "/d/{,a}x",
  "/d/{a,}",
  "/d/{,}b",
  "/d/**/{,a}",
  "/d/été",
  "/d/a.b+c(d)|^$",
  "/d/\\*\\?\\[",
  "/d/[a",
  "/d/{a",
  "/d/a]b}",
  "/d/'\"\\\\",
  "/d/日*",
  "/d/ ~!@#$%^&=;:<>",
  "/d",
  "/d/",
];

const paths = [
  ...["", "a", "b", "x", "é", "ê", "ex", "êx", "-", "]", "\\", "^", ".", "1"],
  ...["aa", "a1", "éé", "aé", "ab", "a]b}", "a.csv", "x/a.csv", "x/y/a.csv"],
  ...["a/b", "x/a/b", "x/a/y/b", "x/a/b/c", "a/x", "bb/x", "c/x", "c/y/x"],
  ...["c/x/x", "ax", "été", "a.b+c(d)|^$", "*?[", "[a", "{a", "'\"\\", "日本"],
  ...[" ", "a b", " ~!@#$%^&=;:<>", "\u00a0", "ÿ", "\u2028", "ﾠ", "axb", "a/b/"],
].map((below) => `/d/${below}`);

for (const awk of awks) {
  for (const glob of globs) {
    Deno.test(`${awk.join(" ")} matches what relais matches with ${glob}`, () => {
      assertEquals(matching(awk, [glob], paths), expected([glob], paths));
    });
  }

  Deno.test(`${awk.join(" ")} matches several globs, as relais does`, () => {
    const several = ["/d/a*", "/d/**/b", "/d/é"];
    assertEquals(matching(awk, several, paths), expected(several, paths));
  });

  Deno.test(`${awk.join(" ")} matches whatever glob as relais does`, () => {
    const part = fc.constantFrom(
      ...[
        "a",
        "b",
        "/",
        "*",
        "**",
        "?",
        "{a,b}",
        "[ab]",
        "[!a]",
        "é",
        ".",
        "x",
      ],
    );
    const glob = fc.array(part, { maxLength: 6 }).map((all) =>
      `/d/${all.join("")}`
    );
    fc.assert(
      fc.property(glob, (glob) => {
        assertEquals(matching(awk, [glob], paths), expected([glob], paths));
      }),
      { numRuns: 60 },
    );
  });
}
