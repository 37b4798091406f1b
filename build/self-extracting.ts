/**
 * A self-extracting executable: a head in POSIX `sh`, and behind it an archive
 * with the program and its runtime.
 *
 * @module
 */

import { createHash } from "node:crypto";
import config from "../deno.json" with { type: "json" };
import { entryFile, filesOf } from "./bundle.ts";
import { plainFlags, runFlags } from "./flags.ts";
import head from "./head.sh" with { type: "text" };
import { run } from "./run.ts";
import { neededGlibc } from "./runtime.ts";
import type { Target } from "./targets.ts";

/** How the archive can be compressed. */
export interface Compression {
  /** The program that does it, here and on the target. */
  readonly tool: "zstd" | "gzip";
  readonly level: number;
}

export interface Parts {
  /** Directory that holds the bundle. */
  readonly bundle: string;
  /** Path of the runtime. */
  readonly runtime: string;
  readonly target: Target;
  readonly compression: Compression;
}

/** Writes a self-extracting executable of `parts` to `output`, which must not exist. */
export async function writeSelfExtracting(
  output: string,
  parts: Parts,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "relais-compile-" });
  try {
    const payload = `${directory}/payload`;
    await archive(payload, `${directory}/content`, parts);
    await assemble(output, payload, parts);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Writes the compressed archive; the same parts give the same bytes. */
async function archive(
  payload: string,
  content: string,
  { bundle, runtime, compression: { tool, level } }: Parts,
): Promise<void> {
  for (const name of filesOf(bundle)) {
    const to = `${content}/app/${name}`;
    await Deno.mkdir(to.slice(0, to.lastIndexOf("/")), { recursive: true });
    await Deno.copyFile(`${bundle}/${name}`, to);
  }
  await Deno.copyFile(runtime, `${content}/relais`);
  const compressor = tool === "gzip"
    ? `gzip -n -${level}`
    : `zstd -q -T0 -${level}`;
  await run("tar", [
    ...["--create", "--format=ustar", "--sort=name", "--mtime=@0"],
    ...["--owner=0", "--group=0", "--numeric-owner", "--mode=u=rwX,go=rX"],
    ...["--use-compress-program", compressor, "--file", payload],
    ...["--directory", content, "relais", "app"],
  ]);
}

/** Puts the head before the archive. */
async function assemble(
  output: string,
  payload: string,
  parts: Parts,
): Promise<void> {
  const { runtime, target, compression: { tool } } = parts;
  const bytes = await Deno.readFile(payload);
  const unpacked = (await Deno.stat(runtime)).size;
  const values = {
    version: config.version,
    target: target.name,
    machine: target.machine,
    digest: createHash("sha256").update(bytes).digest("hex").slice(0, 32),
    cksum: (await run("cksum", [payload])).split(" ").slice(0, 2).join(" "),
    megabytes: String(Math.ceil(unpacked / 1e6) + 10),
    glibc: neededGlibc(await Deno.readFile(runtime)) ?? "2.17",
    flags: [...plainFlags, ...runFlags].join(" "),
    entry: entryFile,
    tool,
    decompress: `${tool} -dc`,
    otherwise: tool === "gzip"
      ? ""
      : `, or build with "deno task compile --compress gzip"`,
  };
  const text = fill(head, values);
  const file = await Deno.open(output, {
    write: true,
    createNew: true,
    mode: 0o755,
  });
  await new Blob([text, bytes]).stream().pipeTo(file.writable);
  await Deno.chmod(output, 0o755);
}

/** Fills the head's blanks in; the last one tells where the head ends. */
function fill(head: string, values: Readonly<Record<string, string>>): string {
  const filled = head.replaceAll(
    /@([a-z]+)@/g,
    (blank, name) => name === "offset" ? blank : quoted(values, name),
  );
  // The number has as many digits as the blank has characters.
  const blank = "@offset@";
  const offset = String(new TextEncoder().encode(filled).length + 1);
  return filled.replaceAll(blank, offset.padStart(blank.length, "0"));
}

function quoted(values: Readonly<Record<string, string>>, name: string) {
  const value = values[name];
  if (value === undefined) throw new Error(`build/head.sh has @${name}@`);
  return value.replaceAll(`"`, `\\"`);
}
