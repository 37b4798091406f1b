import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { bundle, filesOf, moduleNames } from "../../build/bundle.ts";
import { writeNative } from "../../build/native.ts";
import { targetNamed, targets } from "../../build/targets.ts";
import { hideCache, mayMount, runIsolated } from "../../fixtures/isolation.ts";
import type { Run } from "../../fixtures/relais.ts";

const root = fromFileUrl(new URL("../..", import.meta.url));

/** Works in a directory that is gone afterwards. */
async function inDirectory(work: (directory: string) => Promise<void>) {
  const directory = await Deno.makeTempDir({ prefix: "relais-executable-" });
  try {
    await work(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Runs the task that builds. */
async function compile(...args: string[]) {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "compile", ...args],
    cwd: root,
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { success, stdout: text(stdout), stderr: text(stderr) };
}

/** Runs the executable from an empty directory, on a machine that never saw it. */
async function run(directory: string, ...args: string[]): Promise<Run> {
  return await runIsolated([`${directory}/relais`, ...args], {
    cwd: await Deno.makeTempDir({ dir: directory }),
    env: { CACHE_DIRECTORY: `${directory}/cache` },
    mounts: mayMount ? [hideCache] : [],
  });
}

Deno.test("deno task compile makes one file that runs from anywhere, and first starts at once leave one payload", () =>
  inDirectory(async (directory) => {
    const file = `${directory}/relais`;
    const built = await compile("--self-extracting", "--output", file);
    assertMatch(
      built.stdout,
      /^.*relais is self-extracting, as asked for: .*\n$/,
    );

    const starts = Array.from(
      { length: 10 },
      () => run(directory, "--version"),
    );
    const versions = new Set(
      (await Promise.all(starts)).map(({ stdout }) => stdout),
    );
    const demo = await run(directory, "demo");

    assertEquals(versions.size, 1);
    assertMatch(
      [...versions][0]!,
      /^relais \d+\.\d+\.\d+ \(commit [0-9a-f]{12}(-dirty)?, Deno [\d.]+, V8 [^,]+, [a-z0-9_-]+\)\n$/,
    );
    const cache = [...Deno.readDirSync(`${directory}/cache`)];
    assertEquals(cache.length, 1);
    assertEquals(demo.code, 0, demo.stderr);
    assertMatch(demo.stdout, / from backup, /);
  }));

Deno.test("deno compile embeds every module and every package", () =>
  inDirectory(async (directory) => {
    const output = `${directory}/relais`;
    await bundle(`${directory}/app`);
    const told: string[] = [];
    // Any program will do to see what is embedded, though the result cannot run.
    Deno.env.set("DENORT_BIN", Deno.execPath());
    const why = await writeNative(output, {
      bundle: `${directory}/app`,
      target: targetNamed(Deno.build.target),
    }, (text) => told.push(text));
    Deno.env.delete("DENORT_BIN");

    assertEquals(why, undefined);
    const files = [...filesOf(`${directory}/app`)];
    const executable = (await Deno.readFile(output)).subarray(
      Deno.statSync(Deno.execPath()).size,
    );
    const embedded = new TextDecoder("latin1").decode(executable);
    for (const name of files) {
      const bytes = await Deno.readFile(`${directory}/app/${name}`);
      const text = new TextDecoder("latin1").decode(bytes);
      assert(embedded.includes(text), `${name} is not embedded`);
    }
    for (const name of moduleNames) {
      assert(files.includes(`modules/${name}.js`), `${name} is not bundled`);
    }
    assertMatch(told.join("\n"), /Embedded Files/);
  }));

Deno.test("deno task compile says what it cannot build", async () => {
  const other = targets.find(({ name }) => name !== Deno.build.target)!;
  for (
    const [args, message] of [
      [["--target", "sparc-sun-solaris"], /known are x86_64-unknown-linux-gnu/],
      [["--compress", "lzma"], /give zstd or gzip/],
      [
        ["--target", other.name, "--runtime", "/bin/sh"],
        /Cannot carry \/bin\/sh: it is no program for/,
      ],
      [["--outptu", "x"], /Cannot use --outptu/],
    ] as const
  ) {
    const { success, stderr } = await compile("--self-extracting", ...args);
    assertEquals(success, false);
    assertMatch(stderr, message);
  }
});
