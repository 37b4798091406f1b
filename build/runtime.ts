/**
 * The runtime that a self-extracting executable carries.
 *
 * @module
 */

import type { Target } from "./targets.ts";

/**
 * Returns the path of a `deno` for `target`, of the version that builds: the
 * one that is running, or where that is for other machines the one of the npm
 * package, downloaded into `directory`.
 *
 * @throws {Error} If it cannot be downloaded.
 */
export async function findRuntime(
  target: Target,
  directory: string,
): Promise<string> {
  if (target.name === Deno.build.target) return Deno.execPath();
  const name = `${target.runtimePackage}@${Deno.version.deno}`;
  await command("npm", ["pack", "--loglevel=error", name], directory);
  const archive = [...Deno.readDirSync(directory)].find(({ name }) =>
    name.endsWith(".tgz")
  )!;
  await command("tar", ["-xzf", archive.name, "package/deno"], directory);
  return `${directory}/package/deno`;
}

async function command(
  program: string,
  args: readonly string[],
  cwd: string,
): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd,
    stdout: "null",
  }).output();
  if (success) return;
  const said = new TextDecoder().decode(stderr).trim().replaceAll("\n", ", ");
  throw new Error(
    `Cannot get the runtime: ${program} ${
      args.join(" ")
    } says ${said}; name one with --runtime`,
  );
}

/** @throws {Error} If `path` is no program for `target`. */
export async function checkRuntime(
  path: string,
  { name, elf }: Target,
): Promise<void> {
  const header = new Uint8Array(20);
  using file = await Deno.open(path);
  await file.read(header);
  const isProgram = new TextDecoder("latin1").decode(header.subarray(0, 4)) ===
    "\x7fELF";
  if (isProgram && header[18]! + header[19]! * 256 === elf) return;
  throw new Error(`Cannot carry ${path}: it is no program for ${name}`);
}

/** Returns the newest version of glibc that a program refers to, such as "2.27"; `undefined` if it refers to none. */
export function neededGlibc(program: Uint8Array): string | undefined {
  const text = new TextDecoder("latin1").decode(program);
  const minors = [...text.matchAll(/GLIBC_2\.(\d+)/g)].map(([, minor]) =>
    Number(minor)
  );
  return minors.length === 0 ? undefined : `2.${Math.max(...minors)}`;
}
