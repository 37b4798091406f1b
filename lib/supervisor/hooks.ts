/**
 * Starting the processing that new files are for.
 *
 * @module
 */

import { HookError } from "../errors.ts";

/** A hook that runs longer is ended. */
const hookTimeoutMs = 10 * 60_000;

/** How much of what a hook says is told when it fails. */
const toldBytes = 200;

/**
 * Runs `argv` with `input` on its standard input; ends it with SIGTERM when
 * `stop` aborts.
 *
 * @throws {HookError} If it cannot be started, runs too long, or exits with anything but 0.
 */
export async function runHook(
  name: string,
  argv: readonly string[],
  input: Uint8Array,
  stop?: AbortSignal,
): Promise<void> {
  const [command, ...args] = argv as [string, ...string[]];
  const timeout = AbortSignal.timeout(hookTimeoutMs);
  const signal = stop === undefined
    ? timeout
    : AbortSignal.any([timeout, stop]);
  try {
    const hook = new Deno.Command(command, {
      args,
      stdin: "piped",
      stdout: "null",
      stderr: "piped",
      signal,
    }).spawn();
    const [{ code, stderr }] = await Promise.all([
      hook.output(),
      feed(hook.stdin, input),
    ]);
    if (code !== 0) throw failed(name, `it exits with ${code}`, stderr);
  } catch (error) {
    if (error instanceof HookError) throw error;
    throw failed(name, (error as Error).message);
  }
}

/** The new files as hooks get them: separated by NUL, which no path contains. */
export function joinPaths(paths: readonly string[]): Uint8Array {
  return new TextEncoder().encode(paths.map((path) => `${path}\0`).join(""));
}

/** Gives the hook its input; one that does not read it all is free to do so. */
async function feed(
  stdin: WritableStream<Uint8Array>,
  input: Uint8Array,
): Promise<void> {
  const writer = stdin.getWriter();
  try {
    await writer.write(input);
    await writer.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

function failed(name: string, what: string, stderr?: Uint8Array): HookError {
  const said = new TextDecoder().decode(stderr).trim().slice(0, toldBytes);
  return new HookError(
    `Cannot run hooks.${name}: ${what}${said === "" ? "" : ` (${said})`}`,
    { hint: "it will be run again, with the same files, in the next pass" },
  );
}
