/**
 * The file that relais was started from.
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
