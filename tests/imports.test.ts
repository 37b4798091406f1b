import { runFlags } from "../build/flags.ts";
import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";

const root = fromFileUrl(new URL("..", import.meta.url));

interface Module {
  specifier: string;
  dependencies?: {
    code?: { specifier: string };
    type?: { specifier: string };
  }[];
}

/** Every import of one of our files by another, as `from → to`. */
async function imports(): Promise<[from: string, to: string][]> {
  const entries = [
    "main.ts",
    ...[...Deno.readDirSync(`${root}modules`)].map(({ name }) =>
      `modules/${name}`
    ),
  ];
  const found = await Promise.all(entries.map(async (entry) => {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", entry],
      cwd: root,
    }).output();
    return (JSON.parse(new TextDecoder().decode(stdout)).modules as Module[])
      .flatMap(edges);
  }));
  const unique = new Map(found.flat().map((edge) => [edge.join(" "), edge]));
  return [...unique.values()];
}

function edges({ specifier, dependencies = [] }: Module): [string, string][] {
  const from = relative(specifier);
  const targets = dependencies.flatMap((
    { code, type },
  ) => [code?.specifier, type?.specifier]);
  return targets.filter((to) => to?.startsWith("file:")).map((
    to,
  ) => [from, relative(to!)]);
}

function relative(specifier: string): string {
  return specifier.startsWith("file:")
    ? fromFileUrl(specifier).replace(root, "")
    : specifier;
}

const top = (path: string) => path.split("/")[0];

Deno.test("imports point one way: main and modules to lib, and nobody to a module", async () => {
  const wrong = (await imports()).filter(([from, to]) => {
    // The demo alone brings the embedded servers along.
    const demo = from === "lib/commands/demo.ts" && top(to) === "fixtures";
    const backwards = top(from) === "lib" &&
      !["lib", "deno.json"].includes(top(to)!);
    return top(to) === "modules" || (backwards && !demo);
  });
  assertEquals(
    wrong,
    [],
    "a module is reached by messages alone, and lib knows nobody",
  );
});

Deno.test("what the command line is made of serves nothing else", async () => {
  const ofCli = (path: string) => path.startsWith("lib/cli/");
  const wrong = (await imports()).filter(([from, to]) =>
    ofCli(to) && !ofCli(from) && from !== "main.ts"
  );
  assertEquals(wrong, []);
});

Deno.test("no import leads in a circle", async () => {
  const targets = Map.groupBy(await imports(), ([from]) => from);
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (path: string, way: readonly string[]) => {
    const at = way.indexOf(path);
    if (at !== -1) circles.push([...way.slice(at), path].join(" → "));
    if (at !== -1 || done.has(path)) return;
    for (const [, to] of targets.get(path) ?? []) visit(to, [...way, path]);
    done.add(path);
  };
  for (const path of targets.keys()) visit(path, []);
  assertEquals(circles, [], "what both need is a concept of its own");
});

Deno.test("ssh2 is imported only where SSH is spoken", () => {
  const importers = [...walk(`${root}lib`)].filter((path) =>
    /from "ssh2"/.test(Deno.readTextFileSync(path))
  );
  assertEquals(
    importers.filter((path) => !path.startsWith(`${root}lib/ssh/`)),
    [],
  );
});

Deno.test("statements that a loop needs are prepared once", () => {
  const preparing = [...walk(`${root}lib`), ...walk(`${root}modules`)]
    .filter((path) => /\bdb\.prepare\(/.test(Deno.readTextFileSync(path)));
  assertEquals(
    preparing.map((path) => path.slice(root.length)).sort(),
    ["prepared", "schema", "statements"].map((name) => `lib/state/${name}.ts`),
  );
});

Deno.test("Atomics are used only where the stats block is", () => {
  const users = [...walk(`${root}lib`), ...walk(`${root}modules`)]
    .filter((path) => /\bAtomics\./.test(Deno.readTextFileSync(path)));
  assertEquals(
    users.filter((path) => !path.startsWith(`${root}lib/stats/`)),
    [],
  );
});

function* walk(directory: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(directory)) {
    if (isDirectory) yield* walk(`${directory}/${name}`);
    else yield `${directory}/${name}`;
  }
}

Deno.test("the executable may read each environment variable that relais reads", () => {
  const allowed = runFlags.find((flag) => flag.startsWith("--allow-env="))!
    .slice("--allow-env=".length).split(",");
  const read = [...walk(`${root}lib`), ...walk(`${root}modules`)].flatMap(
    (path) =>
      Array.from(
        Deno.readTextFileSync(path).matchAll(/\benv\.get\("(\w+)"\)/g),
        ([, name]) => name!,
      ),
  );
  assertEquals(read.includes("TERM"), true);
  assertEquals(read.filter((name) => !allowed.includes(name)), []);
});
