/**
 * deno task compile: one executable that holds everything.
 *
 * @module
 */

import { dirname } from "@std/path/posix";
import type { Output } from "../lib/cli/output.ts";
import { bundle } from "./bundle.ts";
import { writeNative } from "./native.ts";
import { checkRuntime, findRuntime } from "./runtime.ts";
import { type Compression, writeSelfExtracting } from "./self-extracting.ts";
import { type Target, targetNamed } from "./targets.ts";
import { runTask } from "./task.ts";

const help = `deno task compile [options]

  --target TARGET      x86_64-unknown-linux-gnu or aarch64-unknown-linux-gnu; this machine's if not given
  --output FILE        dist/relais if not given
  --self-extracting    do not try deno compile
  --compress TOOL      zstd or gzip: what the target has; zstd if this machine has it and is of that kind
  --release            compress as well as can be; takes a minute
  --runtime FILE       the deno that a self-extracting executable carries; this one if not given`;

interface Options {
  readonly target?: string;
  readonly output?: string;
  readonly compress?: string;
  readonly runtime?: string;
  readonly "self-extracting": boolean;
  readonly release: boolean;
}

/** Builds the executable. */
async function compile(options: Options, output: Output): Promise<void> {
  const target = targetNamed(options.target ?? Deno.build.target);
  const file = options.output ?? "dist/relais";
  const directory = await Deno.makeTempDir({ prefix: "relais-bundle-" });
  try {
    // It may be running, or be read by somebody.
    const unfinished = `${file}.${Deno.pid}`;
    const parts = { bundle: `${directory}/app`, target };
    await bundle(parts.bundle);
    await Deno.mkdir(dirname(file), { recursive: true });
    const why = options["self-extracting"]
      ? "as asked for"
      : await writeNative(unfinished, parts, (text) => output.text(text));
    if (why === undefined) return await Deno.rename(unfinished, file);
    await Deno.mkdir(`${directory}/runtime`);
    const compression = await chooseCompression(target, options);
    const runtime = options.runtime ??
      await findRuntime(target, `${directory}/runtime`);
    await checkRuntime(runtime, target);
    await writeSelfExtracting(unfinished, {
      ...parts,
      compression,
      runtime,
    });
    await Deno.rename(unfinished, file);
    const megabytes = Math.round((await Deno.stat(file)).size / 1e6);
    output.text(
      `${file} is self-extracting, ${why}: ${megabytes} MB for ${target.name} with sh, tar and ${compression.tool}`,
    );
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** zstd where the target has it; what this machine has tells that of machines of its kind alone. */
async function chooseCompression(
  target: Target,
  { compress, release }: Options,
): Promise<Compression> {
  const tool = compress ??
    (target.name === Deno.build.target && await has("zstd") ? "zstd" : "gzip");
  if (tool === "zstd") return { tool, level: release ? 19 : 10 };
  if (tool === "gzip") return { tool, level: release ? 9 : 6 };
  throw new Error(`Cannot compress with ${tool}: give zstd or gzip`);
}

async function has(program: string): Promise<boolean> {
  const { success } = await new Deno.Command("sh", {
    args: ["-c", `command -v ${program}`],
    stdout: "null",
  }).output();
  return success;
}

if (import.meta.main) {
  await runTask({
    name: "compile",
    help,
    work: compile,
    values: ["target", "output", "compress", "runtime"],
    flags: ["self-extracting", "release"],
  });
}
