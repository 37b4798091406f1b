/**
 * Showing what may be long: on a terminal through a pager, as git and systemctl
 * do it.
 *
 * @module
 */

import { escapeVisible } from "../text/escape.ts";
import type { Output } from "./output.ts";

/**
 * How less goes about it unless `LESS` says so: it leaves alone what fits on the
 * screen, cuts long lines, ends at an interrupt, and does not clear the screen.
 */
const lessOptions = "FSKX";

/** Lines given to the pager at a time. */
const batch = 200;

/** Prints lines; on a terminal by way of `PAGER`, or else of less. */
export async function page(
  lines: Iterable<string> | AsyncIterable<string>,
  output: Output,
): Promise<void> {
  const pager = Deno.stdout.isTerminal() ? startPager() : undefined;
  if (pager === undefined) {
    for await (const line of lines) {
      output.result(line);
      if (output.isClosed) break;
    }
    return;
  }
  // What an interrupt means is for the pager to say: it has the terminal.
  const ignore = () => {};
  Deno.addSignalListener("SIGINT", ignore);
  try {
    await ReadableStream.from(texts(lines)).pipeThrough(new TextEncoderStream())
      .pipeTo(pager.stdin).catch(unlessClosed);
    await pager.status;
  } finally {
    Deno.removeSignalListener("SIGINT", ignore);
  }
}

/** Starts the pager; `undefined` if there is none, or none is wanted. */
function startPager(): Deno.ChildProcess | undefined {
  const wanted = Deno.env.get("PAGER");
  if (wanted === "" || wanted === "cat") return undefined;
  const [command, args] = wanted === undefined
    ? ["less", []]
    : ["sh", ["-c", wanted]];
  const env = Deno.env.has("LESS") ? {} : { LESS: lessOptions };
  try {
    return new Deno.Command(command, { args, env, stdin: "piped" }).spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return undefined;
  }
}

async function* texts(
  lines: Iterable<string> | AsyncIterable<string>,
): AsyncGenerator<string> {
  let some: string[] = [];
  for await (const line of lines) {
    some.push(`${escapeVisible(line)}\n`);
    if (some.length < batch) continue;
    yield some.join("");
    some = [];
  }
  yield some.join("");
}

/** Whoever leaves the pager has read enough. */
function unlessClosed(error: unknown): void {
  if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
}
