/**
 * The program as plain JavaScript: an entry, a file for each module, and the
 * chunks they share. Nothing in it is loaded from anywhere else.
 *
 * @module
 */

import { fromFileUrl } from "@std/path";
import { dirname, join } from "@std/path/posix";
import { moduleUrls } from "../lib/supervisor/plans.ts";

/** The entry within a bundle. */
export const entryFile = "build/entry.js";

/** How the sources name the file of a module, and how a bundle does. */
const moduleUrl =
  /new URL\("[./]*\/modules\/([a-z-]+)\.ts", import\.meta\.url\)/g;

/** What `git archive` puts in its place, too; see `.gitattributes`. */
const commitMark = "$Format:%h$";

/** How the bundler lets CommonJS code require what belongs to the runtime; every file loads it. */
const bundlersRequire =
  /^import \{ createRequire as (\w+) \} from "node:module";\nvar __require = \1\(import\.meta\.url\);$/m;

/** The same, without what takes a sixth of `relais --version` to load. Native parts are not there. */
const ownRequire = `var __require = (name) => {
  const found = process.getBuiltinModule(name);
  if (found === undefined) throw new Error("there is no " + name);
  return found;
};`;

/** An import of a file that is named, when the program comes to it. */
const dynamicImport = /\bimport\(("[^"]+")\)/g;

/** Packages that take long to load, each by what only it contains, and the only module that may load it. */
const packages = [
  { name: "ssh2", mark: "sshcrypto.node", of: "connection" },
  { name: "postgres", mark: "UNSAFE_TRANSACTION", of: "cluster" },
] as const;

/**
 * Modules of the runtime that each isolate loads as it begins. Each of them takes up
 * to 24 ms, and again in every isolate: what is not here is not to be loaded.
 */
const ofRuntime: Readonly<Record<string, readonly string[]>> = {
  [entryFile]: [],
  "modules/cluster.js": [
    ...["node:crypto", "node:fs", "node:net", "node:os", "node:perf_hooks"],
    ...["node:sqlite", "node:stream", "node:tls"],
  ],
  "modules/connection.js": [
    ...["node:buffer", "node:crypto", "node:fs", "node:net", "node:stream"],
  ],
  "modules/copy-list.js": [
    ...["node:buffer", "node:crypto", "node:fs", "node:zlib"],
  ],
  "modules/log.js": [],
  "modules/publish.js": ["node:crypto", "node:fs", "node:zlib"],
  "modules/serve.js": ["node:crypto", "node:fs", "node:sqlite"],
  "modules/stat.js": ["node:sqlite"],
  "modules/synchro-list.js": ["node:fs", "node:sqlite"],
  "modules/test-server.js": ["node:sqlite"],
  "modules/transport.js": [],
};

/** The ssh2 package asks for native parts and does without if there are none. */
const nativeParts = "*.node";

const root = new URL("../", import.meta.url);

/** Names of the modules, the shared list and the page among them. */
export const moduleNames: readonly string[] = [
  ...Object.keys(moduleUrls),
  ...["cluster", "serve"],
];

/**
 * Writes the bundle into `directory`, which must be empty.
 *
 * @throws {Error} If it would lack a module, or need anything from outside.
 */
export async function bundle(directory: string): Promise<void> {
  const modules = moduleNames.map((name) => `modules/${name}.ts`);
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["bundle", "--quiet", "--platform=deno", "--code-splitting"],
      ...["--external", nativeParts, "--outdir", directory],
      ...["build/entry.ts", ...modules],
    ],
    cwd: root,
  }).output();
  if (!success) {
    throw new Error(`Cannot bundle: ${new TextDecoder().decode(stderr)}`);
  }
  await adapt(directory);
  await loadLater(directory);
  for (const file of [entryFile, ...moduleNames.map(fileOfModule)]) {
    const loads = loadedBy(directory, file);
    for (const { name, mark, of } of packages) {
      const isNeeded = file === fileOfModule(of);
      if (loads.has(mark) === isNeeded) continue;
      throw new Error(
        `Cannot bundle: ${file} ${isNeeded ? "lacks" : "would load"} ${name}`,
      );
    }
    requireListed(file, loads);
  }
}

/** Refuses a file that loads other modules of the runtime than {@link ofRuntime} says. */
function requireListed(file: string, loads: ReadonlySet<string>): void {
  const found = [...loads].filter((name) => name.startsWith("node:"));
  const listed = ofRuntime[file] ?? [];
  const more = found.filter((name) => !listed.includes(name));
  const fewer = listed.filter((name) => !found.includes(name));
  if (more.length + fewer.length === 0) return;
  const told = [
    ...more.map((name) => `would load ${name}`),
    ...fewer.map((name) => `loads ${name} no longer`),
  ];
  throw new Error(
    `Cannot bundle: ${file} ${
      told.join(", ")
    }; correct that, or ofRuntime in build/bundle.ts`,
  );
}

/**
 * Hides from the runtime what the main thread may load later: it would read and
 * parse all of that before it begins, ssh2 included. A module may read no file,
 * and so loads what it was seen to load.
 */
async function loadLater(directory: string): Promise<void> {
  const ofModules = new Set(
    moduleNames.flatMap((name) => [...loadedBy(directory, fileOfModule(name))]),
  );
  for (const name of filesOf(directory)) {
    if (ofModules.has(name)) continue;
    const path = `${directory}/${name}`;
    const text = await Deno.readTextFile(path);
    const hidden = text.replaceAll(
      dynamicImport,
      "import(new URL($1, import.meta.url).href)",
    );
    if (hidden !== text) await Deno.writeTextFile(path, hidden);
  }
}

/** Where the code of a module begins within a bundle. */
function fileOfModule(name: string): string {
  return `modules/${name}.js`;
}

/** What a file of a bundle has loaded when it begins: files, modules of the runtime, and packages by their marks. */
function loadedBy(directory: string, file: string): Set<string> {
  const loaded = new Set([file]);
  for (const name of loaded) {
    if (isMark(name) || name.startsWith("node:")) continue;
    const text = Deno.readTextFileSync(`${directory}/${name}`);
    for (const { mark } of packages) if (text.includes(mark)) loaded.add(mark);
    for (const imported of importsOf(text)) {
      const isFile = imported.startsWith(".");
      loaded.add(isFile ? join(dirname(name), imported) : imported);
    }
  }
  return loaded;
}

function isMark(name: string): boolean {
  return packages.some(({ mark }) => mark === name);
}

/** What a file imports before it begins, as it spells it. */
function importsOf(text: string): string[] {
  const imports =
    /^(?:import\b(?:[^"';]*?\bfrom)?|export\b[^"';]*?\bfrom)\s*["']([^"'\n]+)["'];?$/gm;
  return [...text.matchAll(imports)].map(([, name]) => name!);
}

/** Lets the bundle find its modules, and know where it is and what it was made of. */
async function adapt(directory: string): Promise<void> {
  const found = new Set<string>();
  const commit = await commitOf(fromFileUrl(root));
  for (const name of [...filesOf(directory)]) {
    const path = `${directory}/${name}`;
    const before = await Deno.readTextFile(path);
    refuseOutside(name, before);
    let text = before.replaceAll(moduleUrl, (_, module) => {
      found.add(module);
      const up = "../".repeat(name.split("/").length - 1);
      return `new URL("./${up}modules/${module}.js", import.meta.url)`;
    }).replaceAll(commitMark, commit);
    // ssh2's WebAssembly glue is CommonJS, and asks where it lies.
    if (/\b__dirname\b/.test(text)) {
      text = `const __dirname = import.meta.dirname;\n${text}`;
    }
    text = text.replace(bundlersRequire, ownRequire);
    if (text !== before) await Deno.writeTextFile(path, text);
  }
  const missing = moduleNames.filter((name) => !found.has(name));
  if (missing.length > 0) {
    throw new Error(`Cannot bundle: nothing starts ${missing.join(", ")}`);
  }
}

/** Refuses imports that only the machine of the build could satisfy. */
function refuseOutside(name: string, text: string): void {
  const later = [...text.matchAll(dynamicImport)]
    .map(([, name]) => name!.slice(1, -1));
  const imported = [...importsOf(text), ...later];
  const outside = imported.filter((specifier) =>
    !/^(?:\.{1,2}\/|node:)/.test(specifier)
  );
  if (outside.length > 0) {
    throw new Error(`Cannot bundle: ${name} imports ${outside.join(", ")}`);
  }
}

/** All files of a bundle, relative to it. */
export function* filesOf(directory: string, below = ""): Generator<string> {
  for (
    const { name, isDirectory } of Deno.readDirSync(directory + "/" + below)
  ) {
    if (isDirectory) yield* filesOf(directory, `${below}${name}/`);
    else yield below + name;
  }
}

/** The commit that is built, marked if files differ from it; where there is no repository, what stands there. */
async function commitOf(directory: string): Promise<string> {
  try {
    const { success, stdout } = await new Deno.Command("git", {
      args: ["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
      cwd: directory,
      stderr: "null",
    }).output();
    return success ? new TextDecoder().decode(stdout).trim() : commitMark;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return commitMark;
    throw error;
  }
}
