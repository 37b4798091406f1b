/**
 * relais: keeps a copy of chosen files of a production server, over SFTP.
 *
 * @module
 */

import { check } from "./lib/cli/check.ts";
import { concernsAccount } from "./lib/cli/concerns-account.ts";
import { completions } from "./lib/cli/completions.ts";
import { formatHelp } from "./lib/cli/help.ts";
import { init } from "./lib/cli/init.ts";
import { list } from "./lib/cli/list.ts";
import { log } from "./lib/cli/log.ts";
import { Output } from "./lib/cli/output.ts";
import { type Invocation, parseCommandLine } from "./lib/cli/parse.ts";
import { publish } from "./lib/cli/publish.ts";
import { resolve } from "./lib/cli/resolve.ts";
import { run } from "./lib/cli/run.ts";
import { stat } from "./lib/cli/stat.ts";
import { status } from "./lib/cli/status.ts";
import { unit } from "./lib/cli/unit.ts";
import { verify } from "./lib/cli/verify.ts";
import { versionText } from "./lib/cli/version.ts";
import { why } from "./lib/cli/why.ts";
import { allJobs, configOfJob, configPath } from "./lib/config/job.ts";
import type { Config } from "./lib/config/config.ts";
import {
  loadConfig,
  requirePublish,
  requireReplica,
  requireWork,
} from "./lib/config/load.ts";
import { type ExitStatus, exitStatus, RelaisError } from "./lib/errors.ts";

/** Runs one command line, and returns its exit status. */
export async function main(args: readonly string[]): Promise<ExitStatus> {
  let output = new Output({ verbose: false, quiet: false });
  try {
    leaveForbidden();
    const invocation = parseCommandLine(args);
    output = new Output(invocation.options);
    return concernsAccount(invocation)
      ? await elsewhere(invocation, args, output)
      : await dispatch(invocation, output);
  } catch (error) {
    if (error instanceof RelaisError) {
      output.failure(error);
      return error.exitStatus;
    }
    output.error(`internal error: ${(error as Error).stack ?? error}`);
    return exitStatus.incomplete;
  }
}

/** Nothing can be started from where runuser and sudo leave an account that may not be there. */
function leaveForbidden(): void {
  try {
    Deno.lstatSync("./relais.toml");
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) Deno.chdir("/");
  }
}

/** Runs a command of root's as the account that the replica belongs to, if that is another one. */
async function elsewhere(
  invocation: Invocation,
  args: readonly string[],
  output: Output,
): Promise<ExitStatus> {
  let load: () => Promise<Config>;
  try {
    const config = await loadConfig(configPath(invocation.options));
    // Nobody else needs it.
    const { runAsAccount } = await import("./lib/cli/as-account.ts");
    const status = await runAsAccount(invocation, args, config, output);
    if (status !== undefined) return status;
    load = () => Promise.resolve(config);
  } catch (error) {
    // The command tells it in its own way.
    load = () => Promise.reject(error);
  }
  return await dispatch(invocation, output, load);
}

async function dispatch(
  invocation: Invocation,
  output: Output,
  load = () => loadConfig(configPath(invocation.options)),
): Promise<ExitStatus> {
  const { json } = invocation.options;
  switch (invocation.command) {
    case "run": {
      const { once, failback } = invocation.options;
      const {
        "dry-run": dryRun,
        "max-time": maxTime,
        "max-transfer": maxTransfer,
        "accept-shrink": acceptShrink,
      } = invocation.options;
      const args = {
        ...{ once, dryRun, maxTime, maxTransfer },
        ...{ acceptShrink, failback, json },
      };
      return await run(async () => requireReplica(await load()), args, output);
    }
    case "publish": {
      const {
        once,
        watch,
        "print-sh": printSh,
        "accept-shrink": acceptShrink,
        verify,
      } = invocation.options;
      const config = requirePublish(await load());
      if (!printSh) {
        return await publish(
          config,
          { once, watch, acceptShrink, verify, json },
          output,
        );
      }
      // Nobody else needs the script.
      const { publishScript } = await import("./lib/publish/sh/script.ts");
      output.text(publishScript(config.publish).trimEnd());
      return exitStatus.done;
    }
    case "check":
      return await check(requireWork(await load()), { json }, output);
    case "status":
      return await status(async () => requireWork(await load()), {
        ...invocation.options,
        maxLag: invocation.options["max-lag"],
        maxAge: invocation.options["max-age"],
        allJobs: invocation.options["all-jobs"],
        criticalFailover: invocation.options["critical-failover"],
      }, output);
    case "stat":
      return await stat(requireWork(await load()), invocation.options, output);
    case "serve": {
      const { "token-file": tokenFile, ...options } = invocation.options;
      const args = {
        ...options,
        tokenFile,
        maxLag: options["max-lag"],
        maxAge: options["max-age"],
        criticalFailover: options["critical-failover"],
      };
      // Nobody else needs a server.
      const { serve } = await import("./lib/cli/serve.ts");
      const configs = options["all-jobs"]
        ? await Promise.all(allJobs().map(configOfJob).map(loadConfig))
        : [await load()];
      return await serve(configs.map(requireWork), args, output);
    }
    case "log":
      return await log(await load(), {
        ...invocation.options,
        ...invocation.arguments,
      }, output);
    case "list": {
      const { wanted, failed, diff, skipped, since, sort } = invocation.options;
      const { glob } = invocation.arguments;
      const selection = wanted ? "wanted" : failed ? "failed" : "all";
      const args = {
        selection,
        diff,
        skipped,
        glob,
        since,
        sort,
        json,
      } as const;
      return await list(requireReplica(await load()), args, output);
    }
    case "verify":
      return await verify(requireReplica(await load()), {
        ...invocation.options,
        ...invocation.arguments,
      }, output);
    case "why":
      return why(requireReplica(await load()), {
        json,
        path: invocation.arguments.path,
      }, output);
    case "resolve":
      return await resolve(requireReplica(await load()), {
        ...invocation.options,
        ...invocation.arguments,
      }, output);
    case "init":
      return init(
        {
          ...invocation.options,
          file: invocation.arguments.file ??
            (invocation.options.job && configPath(invocation.options)),
        },
        output,
      );
    case "unit": {
      const { install, user, "run-as": runAs, "dynamic-user": dynamicUser } =
        invocation.options;
      const args = { install, user, runAs, dynamicUser, json };
      return unit(requireWork(await load()), args, output);
    }
    case "completions":
      output.text(completions(invocation.arguments.shell).trimEnd());
      return exitStatus.done;
    case "demo": {
      // Nobody else needs the embedded servers.
      const { demo } = await import("./lib/cli/demo.ts");
      return await demo(invocation.options, output);
    }
    case "help":
      output.text(formatHelp(invocation.arguments.command));
      return exitStatus.done;
    case "version":
      output.result(versionText());
      return exitStatus.done;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
