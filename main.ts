/**
 * relais: keeps a copy of chosen files of a production server, over SFTP.
 *
 * @module
 */

import { concernsAccount } from "./lib/account/concerns-account.ts";
import type { Command } from "./lib/cli/command.ts";
import { leaveForbiddenDirectory } from "./lib/cli/executable.ts";
import { Output } from "./lib/cli/output.ts";
import { parseCommandLine } from "./lib/cli/parse.ts";
import { versionText } from "./lib/cli/version.ts";
import { check } from "./lib/commands/check.ts";
import { completions } from "./lib/commands/completions.ts";
import { demo } from "./lib/commands/demo.ts";
import { help } from "./lib/commands/help.ts";
import { init } from "./lib/commands/init.ts";
import { list } from "./lib/commands/list.ts";
import { log } from "./lib/commands/log.ts";
import { publish } from "./lib/commands/publish.ts";
import { resolve } from "./lib/commands/resolve.ts";
import { run } from "./lib/commands/run.ts";
import { serve } from "./lib/commands/serve.ts";
import { stat } from "./lib/commands/stat.ts";
import { status } from "./lib/commands/status.ts";
import { unit } from "./lib/commands/unit.ts";
import { verify } from "./lib/commands/verify.ts";
import { why } from "./lib/commands/why.ts";
import type { Config } from "./lib/config/config.ts";
import { configPath } from "./lib/config/job.ts";
import { loadConfig } from "./lib/config/load.ts";
import { type ExitStatus, exitStatus, RelaisError } from "./lib/errors.ts";

/** All commands, in the order in which the help shows them. */
export const commands: readonly Command[] = [
  ...[run, publish, check, status, stat, serve, log, list, why, resolve],
  ...[verify, init, unit, completions, demo, help],
];

/** Runs one command line, and returns its exit status. */
export async function main(args: readonly string[]): Promise<ExitStatus> {
  let output = new Output({ verbose: false, quiet: false });
  try {
    leaveForbiddenDirectory();
    const invocation = parseCommandLine(args, commands);
    const { command, given } = invocation;
    output = new Output(given);
    if (given.version) {
      output.result(versionText());
      return exitStatus.done;
    }
    let config: Promise<Config> | undefined;
    const load = () => config ??= loadConfig(configPath(given));
    if (concernsAccount(invocation)) {
      // Nobody else needs it.
      const { runAsAccount } = await import("./lib/account/as-account.ts");
      const status = await runAsAccount(invocation, args, load, output);
      if (status !== undefined) return status;
    }
    return await command.run(given, { output, load, commands });
  } catch (error) {
    if (error instanceof RelaisError) {
      output.failure(error);
      return error.exitStatus;
    }
    output.error(`internal error: ${(error as Error).stack ?? error}`);
    return exitStatus.incomplete;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
