/**
 * The command lines of build tasks.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { Output } from "../lib/cli/output.ts";

/** A build task and its options. */
export interface Task<Options> {
  /** As in `deno task NAME`. */
  readonly name: string;
  readonly help: string;
  /** Names of options that have a value. */
  readonly values: readonly string[];
  /** Names of options that have none, besides `help`. */
  readonly flags: readonly string[];
  readonly work: (options: Options, output: Output) => Promise<void>;
}

/** Does what the command line asks for, and exits with 1 if that fails. */
export async function runTask<Options>(
  { name, help, values, flags, work }: Task<Options>,
): Promise<void> {
  const output = new Output({ verbose: false, quiet: false });
  try {
    const options = parseArgs(Deno.args, {
      string: values,
      boolean: [...flags, "help"],
      unknown: (argument) => {
        throw new Error(`Cannot use ${argument}: see deno task ${name} --help`);
      },
    });
    if (options.help) output.text(help);
    else await work(options as unknown as Options, output);
  } catch (error) {
    output.error((error as Error).message);
    Deno.exit(1);
  }
}
