import { walkSync } from "@std/fs/walk";
import { runFlags } from "../build/flags.ts";
import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";

const root = fromFileUrl(new URL("..", import.meta.url));

interface Module {
  specifier: string;
  dependencies?: {
    code?: { specifier: string };
    type?: { specifier: string };
    isDynamic?: boolean;
  }[];
}

/** Every import of one of our files by another, as `from → to`. */
async function imports(): Promise<[from: string, to: string][]> {
  const entries = [
    "main.ts",
    "build/manual.ts",
    ...[...Deno.readDirSync(`${root}modules`)].map(({ name }) =>
      `modules/${name}`
    ),
  ];
  const found = await Promise.all(
    entries.map(async (entry) => (await modulesOf(entry)).flatMap(edges)),
  );
  const unique = new Map(found.flat().map((edge) => [edge.join(" "), edge]));
  return [...unique.values()];
}

async function modulesOf(entry: string): Promise<Module[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", entry],
    cwd: root,
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).modules;
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

/** The folder of a file, as docs/architecture.md draws it: `lib/copy-list`, `modules`, `lib` for what all need. */
function folderOf(path: string): string {
  return path.split("/").slice(0, -1).slice(0, 2).join("/");
}

Deno.test("imports point one way: main and modules to lib, and nobody to a module", async () => {
  const wrong = (await imports()).filter(([from, to]) =>
    top(to) === "modules" ||
    (top(from) === "lib" && !["lib", "deno.json"].includes(top(to)!))
  );
  assertEquals(
    wrong,
    [],
    "a module is reached by messages alone, and lib knows nobody",
  );
});

Deno.test("a command is known to main alone", async () => {
  const wrong = (await imports()).filter(([from, to]) =>
    folderOf(to) === "lib/commands" && from !== "main.ts"
  );
  assertEquals(wrong, [], "what two commands need lies below them");
});

Deno.test("no import leads in a circle, neither between files nor between folders", async () => {
  const found = await imports();
  const betweenFolders = found
    .map(([from, to]) => [folderOf(from), folderOf(to)] as const)
    .filter(([from, to]) => from !== to && to !== "");
  const between = (from: string, to: string) =>
    found.find(([a, b]) => folderOf(a) === from && folderOf(b) === to)!
      .join(" → ");
  assertEquals(circles(found), [], "what both need is a concept of its own");
  assertEquals(
    circles(betweenFolders).map((circle) =>
      circle.slice(1).map((to, index) => between(circle[index]!, to))
    ),
    [],
    "what both folders need lies below them",
  );
});

/** Returns the circles in a graph, each from a node back to itself. */
function circles(edges: readonly (readonly [string, string])[]): string[][] {
  const targets = Map.groupBy(edges, ([from]) => from);
  const done = new Set<string>();
  const found: string[][] = [];
  const visit = (node: string, way: readonly string[]) => {
    const at = way.indexOf(node);
    if (at !== -1) found.push([...way.slice(at), node]);
    if (at !== -1 || done.has(node)) return;
    for (const [, to] of targets.get(node) ?? []) visit(to, [...way, node]);
    done.add(node);
  };
  for (const node of targets.keys()) visit(node, []);
  return found;
}

Deno.test("each module has a folder of its name, which says what it is asked", () => {
  const modules = [...Deno.readDirSync(`${root}modules`)].map(({ name }) =>
    name.replace(".ts", "")
  );
  const operations = [...walk(`${root}lib`)]
    .filter((path) => path.endsWith("/operations.ts"))
    .map((path) => path.split("/").at(-2)!);
  assertEquals(operations.toSorted(), modules.toSorted());
});

Deno.test("what each file of lib is about, its folder says; only errors concern all", () => {
  const loose = [...Deno.readDirSync(`${root}lib`)]
    .filter(({ isFile }) => isFile).map(({ name }) => name);
  assertEquals(loose, ["errors.ts"]);
});

Deno.test("each package that deno.json declares is imported", () => {
  const sources = ["lib", "modules", "tests", "fixtures", "build"]
    .flatMap((directory) => walk(`${root}${directory}`))
    .filter((path) => path.endsWith(".ts") && !path.endsWith(".d.ts"))
    .map((path) => Deno.readTextFileSync(path));
  const { imports } = JSON.parse(Deno.readTextFileSync(`${root}deno.json`));
  const idle = Object.keys(imports).filter((name) =>
    !sources.some((source) => source.includes(`"${name}"`))
  );
  assertEquals(idle, []);
});

Deno.test("ssh2 is imported only where SSH is spoken", () => {
  const importers = [...walk(`${root}lib`)].filter((path) =>
    /from "ssh2"/.test(Deno.readTextFileSync(path))
  );
  assertEquals(
    importers.filter((path) =>
      !path.startsWith(`${root}lib/ssh/ssh2/`) &&
      !path.startsWith(`${root}lib/demo/`)
    ),
    [],
  );
});

/** The files and packages that `entry` has loaded when it begins. */
async function loadedBy(entry: string): Promise<Set<string>> {
  const modules = new Map(
    (await modulesOf(entry)).map((module) => [module.specifier, module]),
  );
  const loaded = new Set([entry]);
  // A set yields what is added to it meanwhile.
  for (const path of loaded) {
    const { dependencies = [] } = modules.get(`file://${root}${path}`) ?? {};
    for (const { code, isDynamic } of dependencies) {
      if (code !== undefined && !isDynamic) {
        loaded.add(relative(code.specifier));
      }
    }
  }
  return loaded;
}

Deno.test("a start loads neither SSH nor the parser and the schema of the configuration", async () => {
  const loaded = await loadedBy("main.ts");

  assertEquals(loaded.has("lib/config/load.ts"), true);
  assertEquals(
    [...loaded].filter((path) =>
      /^npm:(?:ssh2|toml|valibot)|^lib\/config\/schema/.test(path)
    ),
    [],
    "who needs one loads it then",
  );
});

Deno.test("what nodes share is loaded by nobody who copies alone", async () => {
  const entries = [
    "main.ts",
    "lib/supervisor/replica.ts",
    ...[...Deno.readDirSync(`${root}modules`)].map(({ name }) =>
      `modules/${name}`
    ),
  ];
  const loading = await Promise.all(entries.map(async (entry) => {
    const loaded = [...await loadedBy(entry)];
    return loaded.some((path) => /^npm:\/?postgres|^lib\/cluster\//.test(path))
      ? [entry]
      : [];
  }));

  assertEquals(loading.flat(), ["modules/cluster.ts"]);
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
    users.map((path) => path.slice(root.length)).sort(),
    ["semaphore", "stats-block"].map((name) => `lib/worker/${name}.ts`),
  );
});

/** The files below a directory. */
function walk(directory: string): string[] {
  return Array.from(
    walkSync(directory, { includeDirs: false }),
    ({ path }) => path,
  );
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
