/**
 * deno task package: a Debian package of relais, its checksums and the list of
 * what is inside. The same sources, date and runtime give the same bytes.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { parseArgs } from "@std/cli/parse-args";
import config from "../deno.json" with { type: "json" };
import { Output } from "../lib/cli/output.ts";
import { packageFiles } from "./package-files.ts";
import { neededGlibc } from "./runtime.ts";
import { formatSpdx } from "./spdx.ts";
import { targetNamed } from "./targets.ts";

const help = `deno task package [options]

  --target TARGET   x86_64 or aarch64; this machine's if not given
  --output DIR      dist if not given
  --quick           compress less

SOURCE_DATE_EPOCH is the date of everything in it; that of the last commit if not given.`;

interface Options {
  readonly target?: string;
  readonly output?: string;
  readonly quick: boolean;
  readonly help: boolean;
}

const output = new Output({ verbose: false, quiet: false });
const root = new URL("..", import.meta.url);
const scripts = ["postinst", "prerm", "postrm"];

/** Builds the package that the command line asks for. */
async function main(args: readonly string[]): Promise<void> {
  const options = parseArgs([...args], {
    string: ["target", "output"],
    boolean: ["quick", "help"],
    unknown: (argument) => {
      throw new Error(`Cannot use ${argument}: see deno task package --help`);
    },
  }) as unknown as Options;
  if (options.help) return output.text(help);
  const target = targetNamed(options.target ?? Deno.build.target);
  const directory = options.output ?? "dist";
  await Deno.mkdir(directory, { recursive: true });
  const work = await Deno.makeTempDir({ prefix: "relais-package-" });
  try {
    const executable = `${work}/relais`;
    await run(Deno.execPath(), [
      ...["task", "--quiet", "compile", "--self-extracting"],
      ...["--target", target.name, "--compress", "zstd"],
      ...options.quick ? [] : ["--release"],
      ...["--output", executable],
    ]);
    const epoch = await sourceDate();
    const program = await Deno.readFile(executable);
    const spdx = await formatSpdx({
      epoch,
      sha256: sha256(program),
      target,
    });
    const tree = `${work}/tree`;
    const files = await packageFiles(program, spdx);
    for (const { path, mode, content } of files) {
      await put(`${tree}${path}`, content, mode);
    }
    const size = files.reduce((sum, { content }) => sum + content.length, 0);
    const glibc = neededGlibc(await Deno.readFile(Deno.execPath())) ?? "2.17";
    await put(
      `${tree}/DEBIAN/control`,
      control(target.debian, Math.ceil(size / 1024), glibc),
      0o644,
    );
    await put(`${tree}/DEBIAN/conffiles`, "/etc/relais/relais.toml\n", 0o644);
    for (const name of scripts) {
      const url = new URL(`debian/${name}.sh`, import.meta.url);
      await put(`${tree}/DEBIAN/${name}`, await Deno.readTextFile(url), 0o755);
    }
    await run("sh", [
      "-c",
      'find "$1" -type d -exec chmod 755 {} +',
      "sh",
      tree,
    ]);
    const name = `relais_${config.version}_${target.debian}`;
    await run("dpkg-deb", [
      // What takes room is compressed already.
      ...["--root-owner-group", "-Zgzip", "-z1", "--build", tree],
      `${work}/${name}.deb`,
    ], { SOURCE_DATE_EPOCH: String(epoch) });
    const made = [`${name}.deb`, `${name}.spdx.json`];
    await Deno.copyFile(`${work}/${name}.deb`, `${directory}/${name}.deb`);
    await Deno.writeTextFile(`${directory}/${name}.spdx.json`, spdx);
    await writeSums(directory, made);
    output.text(`${directory}/${name}.deb is made`);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** Writes SHA256SUMS; those of packages for other machines stay. */
async function writeSums(
  directory: string,
  made: readonly string[],
): Promise<void> {
  const path = `${directory}/SHA256SUMS`;
  const before = await Deno.readTextFile(path).catch(() => "");
  const lines = before.split("\n").filter((line) =>
    line !== "" && !made.includes(line.slice(66))
  );
  for (const name of made) {
    const bytes = await Deno.readFile(`${directory}/${name}`);
    lines.push(`${sha256(bytes)}  ${name}`);
  }
  const sorted = lines.toSorted((a, b) => a.slice(66) < b.slice(66) ? -1 : 1);
  await Deno.writeTextFile(path, sorted.join("\n") + "\n");
}

function control(architecture: string, kilobytes: number, glibc: string) {
  return `Package: relais
Version: ${config.version}
Architecture: ${architecture}
Maintainer: relais <relais@localhost>
Installed-Size: ${kilobytes}
Depends: libc6 (>= ${glibc}), procps, zstd, systemd | systemd-standalone-sysusers
Section: net
Priority: optional
Description: keeps a copy of chosen files of a UNIX server, over SFTP
 Copies what is new, from the production server or from its backup, and shows
 only files that are whole. The executable contains its runtime.
`;
}

/** The date that everything in the package has, in seconds since 1970. */
async function sourceDate(): Promise<number> {
  const given = Deno.env.get("SOURCE_DATE_EPOCH");
  const text = given ?? await run("git", [
    ...["-C", decodeURIComponent(root.pathname)],
    ...["log", "-1", "--format=%ct"],
  ]);
  if (/^\d+\n?$/.test(text)) return Number(text);
  throw new Error(`Cannot use SOURCE_DATE_EPOCH: ${text} is not a number`);
}

async function put(
  path: string,
  content: string | Uint8Array,
  mode: number,
): Promise<void> {
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  const bytes = typeof content === "string"
    ? new TextEncoder().encode(content)
    : content;
  await Deno.writeFile(path, bytes);
  await Deno.chmod(path, mode);
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Runs a program; returns what it prints. */
async function run(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    env: { ...env },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (success) return text(stdout);
  throw new Error(`Cannot run ${program}: ${text(stderr).trim()}`);
}

if (import.meta.main) {
  try {
    await main(Deno.args);
  } catch (error) {
    output.error((error as Error).message);
    Deno.exit(1);
  }
}
