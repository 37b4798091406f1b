/**
 * Starting what an administrator wants started: the processing that new files
 * are for, and what tells him that something is wrong.
 *
 * @module
 */

import { HookError } from "../errors.ts";

/** One command, and how it is run. */
export interface Hook {
  /** Its key in the configuration. */
  readonly name: string;
  readonly argv: readonly string[];
  /** One that runs longer is ended. */
  readonly timeoutMs: number;
  /** What happens if it fails, for whoever reads the error. */
  readonly hint: string;
}

/** A hook that is to end has so long before it is killed. */
const graceMs = 2_000;

/** How much of what a hook says is told when it fails. */
const toldBytes = 200;

/**
 * Runs a hook with `input` on its standard input; ends it with SIGTERM when
 * `stop` aborts.
 *
 * @throws {HookError} If it cannot be started, runs too long, or exits with anything but 0.
 */
export async function runHook(
  { name, argv, timeoutMs, hint }: Hook,
  input: Uint8Array,
  stop: AbortSignal,
): Promise<void> {
  const [command, ...args] = argv as [string, ...string[]];
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), timeoutMs);
  const end = () => limit.abort();
  let kill: ReturnType<typeof setTimeout> | undefined;
  const over = Promise.withResolvers<[""]>();
  limit.signal.addEventListener("abort", () => over.resolve([""]));
  stop.addEventListener("abort", end);
  const failed = (what: string, said = "") =>
    new HookError(
      `Cannot run hooks.${name}: ${what}${said === "" ? "" : ` (${said})`}`,
      { hint },
    );
  try {
    stop.throwIfAborted();
    const hook = new Deno.Command(command, {
      args,
      stdin: "piped",
      stdout: "null",
      stderr: "piped",
      signal: limit.signal,
    }).spawn();
    limit.signal.addEventListener("abort", () => {
      // It was asked to end; one that does not is not asked again.
      kill = setTimeout(() => hook.kill("SIGKILL"), graceMs);
    });
    const talk = Promise.all([opening(hook.stderr), feed(hook.stdin, input)]);
    // What it left running may hold its pipes for ever.
    const [said] = await Promise.race([talk, over.promise]);
    const { code } = await hook.status;
    if (stop.aborted) throw failed("it was ended: relais stops");
    if (limit.signal.aborted) throw failed("it was ended: it took too long");
    if (code !== 0) throw failed(`it exits with ${code}`, said);
  } catch (error) {
    if (error instanceof HookError) throw error;
    throw failed((error as Error).message);
  } finally {
    clearTimeout(timer);
    clearTimeout(kill);
    stop.removeEventListener("abort", end);
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

/** Returns the first of what a hook says, and reads the rest, so that it can say what it likes. */
async function opening(stderr: ReadableStream<Uint8Array>): Promise<string> {
  const kept = new Uint8Array(toldBytes);
  let length = 0;
  for await (const bytes of stderr) {
    const some = bytes.subarray(0, toldBytes - length);
    kept.set(some, length);
    length += some.length;
  }
  return new TextDecoder().decode(kept.subarray(0, length)).trim();
}
