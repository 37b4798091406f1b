import { assertEquals } from "@std/assert";

const root = new URL("../../", import.meta.url);

const modules = [...Deno.readDirSync(new URL("modules/", root))]
  .map(({ name }) => name.replace(/\.ts$/, "")).sort();

/** The modules of the table that says what each may do. */
function namedIn(document: string): string[] {
  const text = Deno.readTextFileSync(new URL(document, root));
  const [, table] = /^\| module +\| network .*\n\|[- |]+\n((?:\|.*\n)+)/m
    .exec(text)!;
  return Array.from(
    table!.matchAll(/^\| `?([a-z-]+)`? /gm),
    ([, name]) => name!,
  )
    .sort();
}

Deno.test("SECURITY.md says of each module what it may do", () => {
  assertEquals(namedIn("SECURITY.md"), modules);
});

Deno.test("docs/architecture.md says so of each that the supervisor starts", () => {
  assertEquals(
    namedIn("docs/architecture.md"),
    modules.filter((name) => name !== "serve"),
  );
});
