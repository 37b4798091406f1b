/**
 * deno task package: a Debian package of relais, its checksums and an SPDX
 * document. The same sources, date and runtime give the same bytes.
 *
 * @module
 */

import { createHash } from "node:crypto";
import config from "../deno.json" with { type: "json" };
import type { Output } from "../lib/cli/output.ts";
import { configPath, packageFiles } from "./package-files.ts";
import { run } from "./run.ts";
import { findRuntime, neededGlibc } from "./runtime.ts";
import { formatSpdx } from "./spdx.ts";
import { targetNamed } from "./targets.ts";
import { runTask } from "./task.ts";

const help = `deno task package [options]

  --target TARGET   x86_64 or aarch64; this machine's if not given
  --output DIR      dist if not given
  --quick           compress less

SOURCE_DATE_EPOCH is the date of everything in it; that of the last commit if not given.`;

interface Options {
  readonly target?: string;
  readonly output?: string;
  readonly quick: boolean;
}

const root = new URL("..", import.meta.url);
const scripts = ["postinst", "prerm", "postrm"];

/** Builds the package. */
async function pack(options: Options, output: Output): Promise<void> {
  // Rights in the package must not depend on who builds it.
  Deno.umask(0o022);
  const target = targetNamed(options.target ?? Deno.build.target);
  const directory = options.output ?? "dist";
  await Deno.mkdir(directory, { recursive: true });
  const work = await Deno.makeTempDir({ prefix: "relais-package-" });
  try {
    const executable = `${work}/relais`;
    await Deno.mkdir(`${work}/runtime`);
    const runtime = await findRuntime(target, `${work}/runtime`);
    await run(Deno.execPath(), [
      ...["task", "--quiet", "compile", "--self-extracting"],
      ...["--target", target.name, "--compress", "zstd"],
      ...["--runtime", runtime],
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
    const glibc = neededGlibc(await Deno.readFile(runtime)) ?? "2.17";
    await put(
      `${tree}/DEBIAN/control`,
      control(target.debian, Math.ceil(size / 1024), glibc),
      0o644,
    );
    await put(`${tree}/DEBIAN/conffiles`, `${configPath}\n`, 0o644);
    for (const name of scripts) {
      const url = new URL(`debian/${name}.sh`, import.meta.url);
      await put(`${tree}/DEBIAN/${name}`, await Deno.readTextFile(url), 0o755);
    }
    const name = `relais_${config.version}_${target.debian}`;
    await run("dpkg-deb", [
      // What takes room is compressed already.
      ...["--root-owner-group", "-Zgzip", "-z1", "--build", tree],
      `${work}/${name}.deb`,
    ], { env: { SOURCE_DATE_EPOCH: String(epoch) } });
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
Suggests: openssh-client
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

if (import.meta.main) {
  await runTask({
    name: "package",
    help,
    work: pack,
    values: ["target", "output"],
    flags: ["quick"],
  });
}
