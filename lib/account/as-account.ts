/**
 * What root types, done by the account that the replica, or the publisher, belongs
 * to: in the sandbox of the service where systemd runs, with the key that systemd hands
 * over. What root would write, that account could not write again.
 *
 * @module
 */

import { resolve } from "@std/path/posix";
import { type Account, accountOf, type Owned } from "./account.ts";
import { standIn } from "./child.ts";
import { lookUp } from "./passwd.ts";
import { type OutOfReach, outOfReach, setprivCommand } from "./setpriv.ts";
import type { Config } from "../config/config.ts";
import {
  ConfigError,
  type ExitStatus,
  exitStatus,
  LocalError,
} from "../errors.ts";
import { ownDirectoryOf } from "../files/own-directory.ts";
import { credentialName } from "../config/credentials.ts";
import {
  installedSettings,
  isBooted,
  type ServiceSettings,
  valuesOf,
} from "../systemd/installed.ts";
import { transientCommand } from "../systemd/transient.ts";
import {
  passSettings,
  publishSettings,
  unitOf,
  type UnitOptions,
} from "../systemd/units.ts";
import { mark } from "./concerns-account.ts";
import { executableCommand, executablePath } from "../cli/executable.ts";
import type { Output } from "../cli/output.ts";
import type { Invocation } from "../cli/parse.ts";

/** Variables of the environment that change the output. */
const shown = ["TERM", "PAGER", "LESS"] as const;

/** Exit statuses from here on come from systemd: systemd.exec(5), "Process Exit Codes". */
const systemdStatus = 200;

/** The replica or the publisher that a command of root's is about. */
interface Subject extends Owned {
  /** Name of its service. */
  readonly service: string;
  /** The settings of that service: user, sandbox, credentials. */
  readonly settings: (options: UnitOptions) => string[];
  /** Private keys that it needs. */
  readonly keys: readonly string[];
}

/** Says what a command is about; `undefined` if there is no such thing. A check of both is one of the replica. */
function subjectOf(
  { command }: Invocation,
  config: Config,
): Subject | undefined {
  const { servers, replica, publish } = config;
  if (replica !== null && command.name !== "publish") {
    return {
      state: replica.state,
      into: replica.into,
      service: unitOf("relais", "service", config),
      settings: (options) => passSettings(config, options),
      keys: servers.flatMap(({ identity }) => identity ?? []),
    };
  }
  if (publish === null) return undefined;
  return {
    state: ownDirectoryOf(publish),
    into: publish.into,
    service: unitOf("relais-publish", "service", config),
    settings: (options) => publishSettings(config, options),
    keys: [],
  };
}

/**
 * Runs a command line of root's as the account of what it is about; returns its exit
 * status, or `undefined` if that account is root.
 *
 * @throws {ConfigError} If that account cannot do it, because it may not read what it needs.
 */
export async function runAsAccount(
  invocation: Invocation,
  args: readonly string[],
  load: () => Promise<Config>,
  output: Output,
): Promise<ExitStatus | undefined> {
  let config: Config;
  try {
    config = await load();
  } catch {
    // The command tells it in its own way.
    return undefined;
  }
  const subject = subjectOf(invocation, config);
  if (subject === undefined) return undefined;
  const path = resolve(config.path);
  let asked: Promise<ServiceSettings | undefined> | undefined;
  const installed = () =>
    asked ??= isBooted()
      ? installedSettings(subject.service, path)
      : Promise.resolve(undefined);
  const account = await accountOf(subject, installed);
  if (account === undefined || account.ids?.uid === 0) return undefined;
  const task = { invocation, args: withPath(args, path), path, account };
  try {
    return isBooted()
      ? await underSystemd(task, subject, await installed(), output)
      : await alone(task, subject, output);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new LocalError(
      `Cannot run as ${account.name}, the account of ${account.owns}: ${cause.message}`,
      {
        cause,
        hint: `install that program, or run the command as ${account.name}`,
      },
    );
  }
}

/** A command line, and the account that runs it. */
interface Task {
  readonly invocation: Invocation;
  readonly args: readonly string[];
  /** Where the configuration is. */
  readonly path: string;
  readonly account: Account;
}

async function underSystemd(
  task: Task,
  subject: Subject,
  installed: ServiceSettings | undefined,
  output: Output,
): Promise<ExitStatus> {
  const { invocation, args, path, account } = task;
  const settings = installed ?? subject.settings({
    executable: executablePath(),
    config: path,
    user: isMadeUp(subject, account) ? null : account.name,
    perUser: false,
  });
  // One that systemd makes up has a number of its own, and that name while it runs.
  const user = valuesOf(settings, "User").at(-1) ?? account.name;
  if (!isMadeUp(subject, account) && lookUp(user) === undefined) {
    throw new ConfigError(
      `Cannot run as ${user}, the account of the installed service: there is no such account`,
      [],
      {
        hint:
          `useradd --system --shell /usr/sbin/nologin ${user}, or run "relais unit --install" for another one`,
      },
    );
  }
  const lent = await lendConfig(task);
  const name = `relais-by-root-${Deno.pid}.service`;
  const command = transientCommand([...executableCommand(), ...args], {
    name,
    description: `relais ${args.join(" ")}, typed by root`,
    settings: [...settings, ...lent],
    makesNothing: isDryRun(invocation),
    env: environment(user),
  });
  say(
    user === account.name
      ? account
      : { ...account, name: user, owns: "the installed service" },
    output,
  );
  const status = await standIn(command, {
    cwd: "/",
    signal: (signal) => kill(name, signal),
  });
  if (status < systemdStatus) return status;
  output.error(
    `Cannot run as ${user}: systemd could not start it (status ${status}); run journalctl -u ${name}`,
  );
  return exitStatus.local;
}

/** Tells whether systemd makes the account up when a service starts, and keeps what it writes in a place of its own. */
function isMadeUp({ state }: Subject, { ids }: Account) {
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
  if (missing.path === path && invocation.command.name === "check") {
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
  subject: Subject,
  output: Output,
): Promise<ExitStatus> {
  const { invocation, args, path, account } = task;
  const keys = invocation.command.name === "check" ? [] : subject.keys;
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
      [mark]: name,
      HOME: home,
      USER: name,
      LOGNAME: name,
      // Those of root are of no use.
      XDG_CACHE_HOME: "",
      XDG_CONFIG_HOME: "",
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
        ? "install it as /usr/local/bin/relais, mode 755"
        : hidden
        ? `let ${name} search (x) the directories above it`
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
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).output();
  return success;
}

function environment(account: string): Record<string, string> {
  const set = shown.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(set), [mark]: account };
}

function isDryRun({ given }: Invocation): boolean {
  return given.dryRun === true;
}

/** The same command line from anywhere: with the configuration that was found here. */
function withPath(args: readonly string[], path: string): string[] {
  const end = args.indexOf("--");
  const own = end === -1 ? args : args.slice(0, end);
  // A job is found from anywhere, and named only once.
  const isJob = own.some((word) => /^--job(?:=|$)/.test(word));
  if (isJob) return [...args];
  return args.toSpliced(own.length, 0, "--config", path);
}
