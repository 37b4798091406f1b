/**
 * How relais was started: from which file, and where.
 *
 * @module
 */

import { resolve } from "@std/path/posix";

/** Where an administrator puts the executable. */
const usual = "/usr/local/bin/relais";

/** The path by which this executable was started: a symbolic link to a version stays one. From the sources, the usual one. */
export function executablePath(): string {
  return startedAs() ?? usual;
}

/** The command that starts relais once more as it was started. */
export function executableCommand(): string[] {
  const executable = startedAs();
  return executable === undefined
    ? [Deno.execPath(), "run", "-A", "--quiet", "--no-check", mainModule()]
    : [executable];
}

function startedAs(): string | undefined {
  const selfExtracting = Deno.env.get("RELAIS_EXECUTABLE");
  if (selfExtracting !== undefined) return resolve(selfExtracting);
  return Deno.build.standalone ? Deno.execPath() : undefined;
}

function mainModule(): string {
  return new URL(Deno.mainModule).pathname;
}

/** Leaves a directory that this account may not be in, where runuser and sudo may have left it: nothing can be started there. */
export function leaveForbiddenDirectory(): void {
  try {
    Deno.lstatSync("./relais.toml");
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) Deno.chdir("/");
  }
}
