/**
 * relais: keeps a copy of chosen files of a production server, over SFTP.
 *
 * @module
 */

import { concernsAccount } from "./lib/account/concerns-account.ts";
import type { Command, CommandLoaders } from "./lib/cli/command.ts";
import { leaveForbiddenDirectory } from "./lib/cli/executable.ts";
import { Output } from "./lib/cli/output.ts";
import { loadAll, understand } from "./lib/cli/parse.ts";
import { versionText } from "./lib/cli/version.ts";
import type { Config } from "./lib/config/config.ts";
import { configPath } from "./lib/config/job.ts";
import { loadConfig } from "./lib/config/load.ts";
import {
  type ExitStatus,
  exitStatus,
  explained,
  RelaisError,
} from "./lib/errors.ts";

/** How each command is loaded, in the order in which the help shows them. */
const commands: CommandLoaders = {
  run: async () => (await import("./lib/commands/run.ts")).run,
  publish: async () => (await import("./lib/commands/publish.ts")).publish,
  check: async () => (await import("./lib/commands/check.ts")).check,
  status: async () => (await import("./lib/commands/status.ts")).status,
  stat: async () => (await import("./lib/commands/stat.ts")).stat,
  serve: async () => (await import("./lib/commands/serve.ts")).serve,
  log: async () => (await import("./lib/commands/log.ts")).log,
  list: async () => (await import("./lib/commands/list.ts")).list,
  why: async () => (await import("./lib/commands/why.ts")).why,
  resolve: async () => (await import("./lib/commands/resolve.ts")).resolve,
  verify: async () => (await import("./lib/commands/verify.ts")).verify,
  init: async () => (await import("./lib/commands/init.ts")).init,
  unit: async () => (await import("./lib/commands/unit.ts")).unit,
  completions: async () =>
    (await import("./lib/commands/completions.ts")).completions,
  demo: async () => (await import("./lib/commands/demo.ts")).demo,
  help: async () => (await import("./lib/commands/help.ts")).help,
};

/** Loads all commands. */
export function allCommands(): Promise<readonly Command[]> {
  return loadAll(commands);
}

/** Runs one command line, and returns its exit status. */
export async function main(args: readonly string[]): Promise<ExitStatus> {
  let output = new Output({ verbose: false, quiet: false });
  try {
    leaveForbiddenDirectory();
    const invocation = await understand(args, commands);
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
    return await command.run(given, { output, load, allCommands });
  } catch (thrown) {
    const error = explained(thrown);
    if (error instanceof RelaisError) {
      output.failure(error);
      return error.exitStatus;
    }
    output.error(`internal error: ${(error as Error).stack ?? error}`);
    return exitStatus.incomplete;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
