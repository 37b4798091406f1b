import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";

const here = fromFileUrl(new URL("..", import.meta.url));

/** Yields `file: name` of each test that docs/faults.md names. */
function* namedTests(): Generator<{ file: string; name: string }> {
  const text = Deno.readTextFileSync(`${here}../docs/faults.md`);
  for (const line of text.split("\n")) {
    const cells = line.split(" | ");
    if (cells.length !== 4 || /^\| (fault|---)/.test(line)) continue;
    for (const test of cells[3]!.replace(/ \|$/, "").split("; ")) {
      if (test.startsWith("`deno task")) continue;
      const [file = "", ...name] = test.trim().split(": ");
      yield { file, name: name.join(": ") };
    }
  }
}

/** The text of a test file; nothing if there is none. */
function sourceOf(file: string): string {
  for (const ending of [".test.ts", ".ts"]) {
    try {
      return Deno.readTextFileSync(`${here}${file}${ending}`);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return "";
}

Deno.test("docs/faults.md names no test that is not there", () => {
  const tests = [...namedTests()];
  const missing = tests.filter(({ file, name }) => {
    const source = sourceOf(file);
    let at = 0;
    return name.split("…").some((part) => {
      at = source.indexOf(part.trim(), at);
      return at === -1;
    });
  });
  assertEquals(missing, []);
  assertEquals(tests.length > 50, true);
});
