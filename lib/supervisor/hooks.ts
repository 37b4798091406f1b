/**
 * Running of hooks: the processing of new files, and alarms for the
 * administrator.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { HookError } from "../errors.ts";

/** One command, and how it is run. */
export interface Hook {
  /** Its key in the configuration. */
  readonly name: string;
  readonly argv: readonly string[];
  /** One that runs longer is ended. */
  readonly timeoutMs: number;
  /** Hint in the error of a hook that fails. */
  readonly hint: string;
  /** What it finds in its environment besides that of relais. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Time between SIGTERM and SIGKILL for a hook that must end. */
const graceMs = 2_000;

/** Interval between two checks whether a hook has ended. */
const lookMs = 20;

/** Bytes of a hook's stderr that its error quotes. */
const toldBytes = 200;

/**
 * Runs a hook with `input` on its standard input, in a process group of its own.
 * Whatever it has started and left running there ends with it, by SIGTERM and
 * then by SIGKILL; so does the hook itself when `stop` aborts.
 *
 * @throws {HookError} If it cannot be started, runs too long, or exits with anything but 0.
 */
export async function runHook(
  { name, argv, timeoutMs, hint, env = {} }: Hook,
  input: Uint8Array,
  stop: AbortSignal,
): Promise<void> {
  const failed = (what: string, said = "") =>
    new HookError(
      `hooks.${name} failed: ${what}${said === "" ? "" : ` (${said})`}`,
      { hint },
    );
  const limit = AbortSignal.timeout(timeoutMs);
  let hook: Deno.ChildProcess;
  try {
    stop.throwIfAborted();
    hook = start(argv, env);
  } catch (error) {
    throw failed((error as Error).message);
  }
  const said = new Opening(hook.stderr);
  feed(hook.stdin, input).catch(() => {/* it does not want to read it all */});
  const over = await Promise.race([
    hook.status,
    aborted(AbortSignal.any([limit, stop])),
  ]);
  await endGroup(hook.pid);
  // What has left the group may hold its pipes for ever.
  const heard = await said.end(graceMs);
  const { code } = await hook.status;
  if (over !== undefined) {
    if (code !== 0) throw failed(`exit status ${code}`, heard);
  } else if (stop.aborted) throw failed("ended because relais stops");
  else throw failed("it took too long, and was ended");
}

/** Starts a hook as the leader of a process group. */
function start(
  argv: readonly string[],
  env: Record<string, string>,
): Deno.ChildProcess {
  const [command, ...args] = argv as [string, ...string[]];
  return new Deno.Command(command, {
    args,
    env,
    detached: true,
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  }).spawn();
}

function aborted(signal: AbortSignal): Promise<undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  if (signal.aborted) resolve(undefined);
  signal.addEventListener("abort", () => resolve(undefined), { once: true });
  return promise;
}

/** Ends all processes of a group; returns when they have ended, or can do nothing any more. */
async function endGroup(group: number): Promise<void> {
  if (!signalGroup(group, "SIGTERM")) return;
  for (let waited = 0; waited < graceMs; waited += lookMs) {
    await delay(lookMs);
    if (!signalGroup(group, "SIGCONT")) return;
  }
  signalGroup(group, "SIGKILL");
}

/** Sends a signal to a group; returns whether a process is left in it. */
function signalGroup(group: number, signal: Deno.Signal): boolean {
  try {
    Deno.kill(-group, signal);
    return true;
  } catch (error) {
    // A process of another user cannot be ended, and is not waited for.
    const { NotFound, PermissionDenied } = Deno.errors;
    if (error instanceof NotFound || error instanceof PermissionDenied) {
      return false;
    }
    throw error;
  }
}

/** The new files as hooks get them: separated by NUL, which no path contains. */
export function joinPaths(paths: readonly string[]): Uint8Array {
  return new TextEncoder().encode(paths.map((path) => `${path}\0`).join(""));
}

/** Gives the hook its input; fails if it ends before it has read it all. */
async function feed(
  stdin: WritableStream<Uint8Array>,
  input: Uint8Array,
): Promise<void> {
  const writer = stdin.getWriter();
  await writer.write(input);
  await writer.close();
}

/** The first of what a hook says; the rest is read, so that it can say what it likes. */
class Opening {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #kept = new Uint8Array(toldBytes);
  readonly #done: Promise<void>;
  #length = 0;

  constructor(stderr: ReadableStream<Uint8Array>) {
    this.#reader = stderr.getReader();
    this.#done = this.#read();
  }

  /** Returns it once all has been said, or after `withinMs`. */
  async end(withinMs: number): Promise<string> {
    const late = new AbortController();
    const { signal } = late;
    await Promise.race([
      this.#done,
      delay(withinMs, { signal }).catch(() => {/* all has been said */}),
    ]);
    late.abort();
    await this.#reader.cancel();
    return new TextDecoder().decode(this.#kept.subarray(0, this.#length))
      .trim();
  }

  async #read(): Promise<void> {
    for (;;) {
      const { value } = await this.#reader.read();
      if (value === undefined) return;
      const some = value.subarray(0, toldBytes - this.#length);
      this.#kept.set(some, this.#length);
      this.#length += some.length;
    }
  }
}
