/**
 * What root types, done by the account that the replica belongs to: in the
 * sandbox of the service where systemd runs, with the key that systemd hands
 * over. What root would write, that account could not write again.
 *
 * @module
 */

import { resolve } from "@std/path/posix";
import { type Account, accountOf } from "../account/account.ts";
import { standIn } from "../account/child.ts";
import {
  type OutOfReach,
  outOfReach,
  setprivCommand,
} from "../account/setpriv.ts";
import type { Config, ReplicaReady } from "../config/config.ts";
import { ConfigError, type ExitStatus, exitStatus } from "../errors.ts";
import { credentialName } from "../systemd/credentials.ts";
import {
  installedSettings,
  isBooted,
  type ServiceSettings,
} from "../systemd/installed.ts";
import { transientCommand } from "../systemd/transient.ts";
import { passSettings } from "../systemd/units.ts";
import { mark } from "./concerns-account.ts";
import { executableCommand, executablePath } from "./executable.ts";
import type { Output } from "./output.ts";
import type { Invocation } from "./parse.ts";

/** What of the environment makes a difference to what is shown. */
const shown = ["TERM", "PAGER", "LESS"] as const;

/** Exit statuses from here on come from systemd: systemd.exec(5), "Process Exit Codes". */
const systemdStatus = 200;

/** The service of a replica. */
const service = "relais.service";

/**
 * Runs a command line of root's as the account of the replica; returns its exit
 * status, or `undefined` if that account is root.
 *
 * @throws {ConfigError} If that account cannot do it, because it may not read what it needs.
 */
export async function runAsAccount(
  invocation: Invocation,
  args: readonly string[],
  config: Config,
  output: Output,
): Promise<ExitStatus | undefined> {
  if (config.replica === null) return undefined;
  const path = resolve(config.path);
  let asked: Promise<ServiceSettings | undefined> | undefined;
  const installed = () =>
    asked ??= isBooted()
      ? installedSettings(service, path)
      : Promise.resolve(undefined);
  const replica = config as ReplicaReady;
  const account = await accountOf(replica, installed);
  if (account === undefined || account.ids?.uid === 0) return undefined;
  const task = { invocation, args: withPath(args, path), path, account };
  return isBooted()
    ? await underSystemd(task, replica, await installed(), output)
    : await alone(task, replica, output);
}

/** What is to be done, and by whom. */
interface Task {
  readonly invocation: Invocation;
  readonly args: readonly string[];
  /** Where the configuration is. */
  readonly path: string;
  readonly account: Account;
}

async function underSystemd(
  task: Task,
  config: ReplicaReady,
  installed: ServiceSettings | undefined,
  output: Output,
): Promise<ExitStatus> {
  const { invocation, args, path, account } = task;
  const settings = installed ?? passSettings(config, {
    executable: executablePath(),
    config: path,
    user: isMadeUp(config, account) ? null : account.name,
    perUser: false,
  });
  const lent = await lendConfig(task);
  const name = `relais-by-root-${Deno.pid}.service`;
  const command = transientCommand([...executableCommand(), ...args], {
    name,
    description: `relais ${args.join(" ")}, typed by root`,
    settings: [...settings, ...lent],
    makesNothing: isDryRun(invocation),
    env: environment(account),
  });
  say(account, output);
  const status = await standIn(command, {
    cwd: "/",
    signal: (signal) => kill(name, signal),
  });
  if (status < systemdStatus) return status;
  output.error(
    `Cannot tell how it ended: systemd says ${status}; see journalctl -u ${name}`,
  );
  return exitStatus.local;
}

/** Whether systemd makes the account up when a service starts, and keeps what it writes in a place of its own. */
function isMadeUp({ replica: { state } }: ReplicaReady, { ids }: Account) {
  if (ids === null) return true;
  try {
    return Deno.realPathSync(state).startsWith("/var/lib/private/");
  } catch {
    return false;
  }
}

/**
 * Whatever the account cannot read ends the work here, in words; only `check`
 * goes on to look for more, and systemd lends it the configuration.
 */
async function lendConfig(task: Task): Promise<ServiceSettings> {
  const { invocation, path, account } = task;
  if (account.ids === null) return [];
  const [missing] = await outOfReach(account, needs(path));
  if (missing === undefined) return [];
  if (missing.path === path && invocation.command === "check") {
    return [`LoadCredential=${credentialName(path)}:${path}`];
  }
  throw unusable(task, missing);
}

function needs(path: string): (readonly ["r" | "x", string])[] {
  const [program] = executableCommand();
  return [["x", program!], ["r", path]];
}

async function alone(
  task: Task,
  { servers }: ReplicaReady,
  output: Output,
): Promise<ExitStatus> {
  const { invocation, args, path, account } = task;
  const keys = invocation.command === "check"
    ? []
    : servers.flatMap(({ identity }) => identity ?? []);
  const [missing] = await outOfReach(account, [
    ...needs(path),
    ...keys.map((key) => ["r", key] as const),
  ]);
  if (missing !== undefined) throw unusable(task, missing);
  const command = setprivCommand(account, [...executableCommand(), ...args]);
  const { name, home } = account;
  say(account, output);
  return await standIn(command, {
    cwd: "/",
    env: {
      ...{ [mark]: name, HOME: home, USER: name, LOGNAME: name },
      // Those of root are of no use.
      ...{ XDG_CACHE_HOME: "", XDG_CONFIG_HOME: "" },
    },
  });
}

function unusable(
  { account: { name }, path: config }: Task,
  { path, hidden }: OutOfReach,
): ConfigError {
  const isProgram = path === executableCommand()[0];
  const isConfig = path === config;
  return new ConfigError(
    `Cannot run as ${name}: that account may not ${
      isProgram ? "run" : "read"
    } ${path}`,
    [],
    {
      hint: isProgram
        ? "install it where everybody may, as /usr/local/bin/relais"
        : hidden
        ? `let ${name} into its directory`
        : isConfig
        ? `chgrp ${name} ${path} && chmod g+r ${path}`
        : `chown ${name} ${path}`,
    },
  );
}

function say({ name, owns }: Account, output: Output): void {
  output.note(`Running as ${name}, the account of ${owns}.`);
}

/** Sends a signal to the process of a service; `false` if it is not there yet. */
async function kill(name: string, signal: Deno.Signal): Promise<boolean> {
  const { success } = await new Deno.Command("systemctl", {
    args: ["kill", "--kill-who=main", `--signal=${signal}`, name],
    ...{ stdin: "null", stdout: "null", stderr: "null" },
  }).output();
  return success;
}

function environment({ name }: Account): Record<string, string> {
  const set = shown.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(set), [mark]: name };
}

function isDryRun(invocation: Invocation): boolean {
  return invocation.command === "run" && invocation.options["dry-run"];
}

/** The same command line from anywhere: with the configuration that was found here. */
function withPath(args: readonly string[], path: string): string[] {
  const end = args.indexOf("--");
  return args.toSpliced(end === -1 ? args.length : end, 0, "--config", path);
}
