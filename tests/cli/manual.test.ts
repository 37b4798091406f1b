import { assertEquals } from "@std/assert";
import { formatConfigManual } from "../../lib/cli/manual-config.ts";
import { formatManual } from "../../lib/cli/manual.ts";
import { tables } from "../../lib/config/schema.ts";
import { allCommands } from "../../main.ts";

const pages = {
  "relais.1": formatManual(await allCommands()),
  "relais.toml.5": formatConfigManual(),
};

function pathOf(name: string): string {
  return new URL(`../../docs/${name}`, import.meta.url).pathname;
}

/** Shows a page as man does, in `columns`. */
async function show(name: string, columns: number): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command("man", {
    args: ["--warnings", "--encoding=utf8", "--local-file", pathOf(name)],
    env: { MANWIDTH: `${columns}`, PAGER: "cat", LC_ALL: "C.UTF-8" },
  }).output();
  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
  return new TextDecoder().decode(stdout);
}

for (const [name, made] of Object.entries(pages)) {
  Deno.test(`docs/${name} is what deno task manual makes`, async () => {
    assertEquals(await Deno.readTextFile(pathOf(name)), made);
  });

  Deno.test(`man shows ${name} without a warning, at any width`, async () => {
    for (const columns of [40, 80, 200]) await show(name, columns);
  });
}

Deno.test("relais.toml(5) explains every key below its table, and fits a terminal", async () => {
  const lines = (await show("relais.toml.5", 80)).split("\n");
  // A word that is too long for its place stands alone on its line.
  const tags = lines.flatMap((line) =>
    /^ {3}(\[.+\])$/.exec(line)?.[1] ?? /^ {7}(\w+)(?: |$)/.exec(line)?.[1] ??
      []
  );
  const known = Object.values(tables).flatMap(({ header, keys }) => [
    header,
    ...Object.keys(keys),
  ]);

  assertEquals(known.filter((tag) => !tags.includes(tag)), []);
  assertEquals(lines.filter((line) => line.length > 80), []);
});
