import { assert, assertEquals } from "@std/assert";

const root = new URL("../../", import.meta.url);

/** The documents, as paths below the root. */
const documents = ["", "docs/", "docs/fr/", "contrib/"].flatMap((directory) =>
  [...Deno.readDirSync(new URL(directory || ".", root))]
    .filter(({ name }) => name.endsWith(".md"))
    .map(({ name }) => `${directory}${name}`)
);

/** Anchors of the titles of a document, as forges make them. */
function anchorsIn(document: URL): string[] {
  const text = Deno.readTextFileSync(document);
  return Array.from(
    text.matchAll(/^#+ (.*)$/gm),
    ([, title]) =>
      title!.toLowerCase().replaceAll(/[^\p{L}\p{N}_ -]/gu, "")
        .replaceAll(" ", "-"),
  );
}

function isThere(file: URL): boolean {
  try {
    Deno.statSync(file);
    return true;
  } catch {
    return false;
  }
}

Deno.test("every link of a document leads to a file, and to a title there", () => {
  const broken: string[] = [];
  let links = 0;
  for (const document of documents) {
    const url = new URL(document, root);
    const text = Deno.readTextFileSync(url)
      .replaceAll(/^```.*?^```$/gms, "");
    for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target!)) continue;
      links++;
      const [path, anchor] = target!.split("#") as [string, string?];
      const file = path === "" ? url : new URL(path, url);
      const leads = isThere(file) &&
        (anchor === undefined || anchorsIn(file).includes(anchor));
      if (!leads) broken.push(`${document}: ${target}`);
    }
  }
  assertEquals(broken, []);
  assert(links > 100, `${links}`);
});
