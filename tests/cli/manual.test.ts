import { assert, assertEquals } from "@std/assert";
import { isInstalled } from "../../fixtures/programs.ts";
import { formatConfigManual } from "../../lib/cli/manual-config.ts";
import { formatManual } from "../../lib/cli/manual.ts";
import { tables } from "../../lib/config/schema.ts";
import {
  isExtension,
  parseExtension,
  parseHeader,
  parseLine,
  parseSet,
} from "../../lib/list/format.ts";
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
}

for (
  const name of [...Object.keys(pages), "relais-list.5", "relais-publish-sh.1"]
) {
  Deno.test({
    name: `mandoc -T lint finds nothing in ${name}`,
    ignore: !isInstalled("mandoc"),
    async fn() {
      const { code, stdout } = await new Deno.Command("mandoc", {
        args: ["-T", "lint", pathOf(name)],
      }).output();
      assertEquals([code, new TextDecoder().decode(stdout)], [0, ""]);
    },
  });

  Deno.test(`man shows ${name} without a warning, at any width`, async () => {
    for (const columns of [40, 80, 200]) await show(name, columns);
  });
}

/** Reads a page as it is written, without the marks of man(7). */
async function read(name: string): Promise<string> {
  return (await Deno.readTextFile(pathOf(name))).replaceAll("\\-", "-");
}

/** Returns the tags of a section: the first word of each. */
function tags(page: string, section: string): string[] {
  const text = page.split(/^\.SH /m).find((part) => part.startsWith(section))!;
  return Array.from(
    text.matchAll(/^\.TP\n\.[A-Z]+ (\S+)/gm),
    ([, tag]) => tag!,
  );
}

Deno.test("relais-list(5) shows a list that relais reads, and explains each field and extension", async () => {
  const page = await read("relais-list.5");
  const [, example] = /^\.nf\n(.*?)^\.fi$/ms.exec(page)!;
  const [header, ...lines] = example!.trimEnd().split("\n");
  const extensions = lines.filter(isExtension);
  const entries = lines.filter((line) => !isExtension(line)).map(parseLine);

  assert("value" in parseHeader(header!));
  assertEquals(
    extensions.filter((line) => !(parseExtension(line) ?? parseSet(line))),
    [],
  );
  assertEquals(
    tags(page, "EXTENSIONS"),
    [...new Set(extensions.map((line) => line.split(" ")[0]!))],
  );
  for (const entry of entries) {
    assert("value" in entry, JSON.stringify(entry));
    assertEquals(tags(page, "FIELDS"), Object.keys(entry.value));
  }
  assertEquals(entries.length, 4);
});

Deno.test("relais-publish-sh(1) has the options, settings, variables and exit statuses of the script", async () => {
  const page = await read("relais-publish-sh.1");
  const script = await Deno.readTextFile(
    new URL("../../lib/publish/sh/publish.sh", import.meta.url),
  );
  const all = (
    pattern: RegExp,
  ) => [...new Set(Array.from(script.matchAll(pattern), ([, name]) => name!))];
  const [options] = all(/getopts (\w+) /g);

  assertEquals(
    tags(page, "OPTIONS").map((tag) => tag.replace("-", "")).sort(),
    [...options!],
  );
  for (const long of page.match(/--[a-z]\S+(?= *$| \])/gm)!) {
    assert(script.includes(long), long);
  }
  const [settings] = script.split("# On Solaris");
  assertEquals(
    tags(page, "SETTINGS"),
    Array.from(settings!.matchAll(/^(\w+)='/gm), ([, name]) => name),
  );
  assertEquals(
    tags(page, "ENVIRONMENT").filter((name) => name !== "PATH").sort(),
    all(/(RELAIS_\w+)/g).sort(),
  );
  assertEquals(
    tags(page, "EXIT STATUS").filter((status) => !["0", "1"].includes(status)),
    [...all(/(?:die|exit) ([2-9])\b/g)].sort(),
  );
  const [, notes] = page.split(/^\.SH (?:NOTES|EXAMPLES)$/m);
  const named = Array.from(
    notes!.matchAll(/^\.BR? ([a-z0-9]+)(?: |$)/gm),
    ([, program]) => program!,
  );
  assertEquals(named.filter((program) => !script.includes(program)), []);
});

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
