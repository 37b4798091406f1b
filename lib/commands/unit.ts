/**
 * relais unit: what systemd needs to run relais.
 *
 * @module
 */

import { ensureDirSync } from "@std/fs/ensure-dir";
import { replaceFile } from "../files/replace.ts";
import { dirname, resolve } from "@std/path/posix";
import { type Entry, lookUp } from "../account/passwd.ts";
import {
  command,
  type Declaration,
  type GivenTo,
  type Surroundings,
} from "../cli/command.ts";
import { executablePath } from "../cli/executable.ts";
import type { Output } from "../cli/output.ts";
import type { Config } from "../config/config.ts";
import { requireWork } from "../config/load.ts";
import {
  ConfigError,
  type ExitStatus,
  exitStatus,
  LocalError,
  UsageError,
} from "../errors.ts";
import { defaultListen } from "../serve/listen.ts";
import { obstacles } from "../systemd/sandbox.ts";
import { formatUnit, mark, type Unit } from "../systemd/unit-file.ts";
import { figureDirectories, unitsFor, writtenBy } from "../systemd/units.ts";
import { systemReason } from "../text/system-reason.ts";

const declaration = {
  name: "unit",
  summary: "the systemd units that run relais here",
  description: [
    "Prints the units for this configuration: a timer with a service that runs one pass, a service that keeps running, on a server a timer that publishes, and a service for the page of relais serve. They confine relais to what it needs.",
    "The units of a job have its name: relais@NAME.timer, relais@NAME.service.",
    "systemd hands private keys over to relais, so that only root can read the key files.",
  ],
  arguments: [],
  options: [
    {
      long: "install",
      kind: "flag",
      help: "write the units for systemd, and show the next steps",
    },
    {
      long: "user",
      kind: "flag",
      help: "units for the systemd of the calling user",
      conflicts: "run-as",
    },
    {
      long: "run-as",
      kind: "account",
      value: "ACCOUNT",
      help: "the account that runs relais",
      default: "relais",
      conflicts: "user",
    },
    {
      long: "dynamic-user",
      kind: "flag",
      help:
        "an account that exists only while relais runs; for copies below /var/lib",
      conflicts: ["run-as", "user"],
    },
  ],
  examples: [
    {
      line: "relais unit --install",
      help: "as root, after relais check passes",
    },
  ],
} as const satisfies Declaration;

type Given = GivenTo<typeof declaration>;

export const unit = command(declaration, make);

/** Account that runs relais by default. */
const defaultAccount = "relais";

/** Prints the units, or writes them to where systemd finds them and says how to go on. */
async function make(
  given: Given,
  { output, load }: Surroundings,
): Promise<ExitStatus> {
  const config = requireWork(await load());
  if (given.dynamicUser) requireKept(config);
  const units = unitsFor(config, {
    executable: executablePath(),
    config: resolve(config.path),
    user: given.dynamicUser ? null : given.runAs ?? defaultAccount,
    perUser: given.user,
  });
  const directory = given.user ? userDirectory() : "/etc/systemd/system";
  if (given.install) install(units, directory);
  if (given.json) {
    output.json(units.map((unit) => ({
      path: `${directory}/${unit.name}`,
      text: formatUnit(unit),
    })));
  } else if (given.install) explain(config, units, given, directory, output);
  else print(units, directory, output);
  return exitStatus.done;
}

function print(
  units: readonly Unit[],
  directory: string,
  output: Output,
): void {
  const texts = units.map((unit) =>
    `# ${directory}/${unit.name}\n${formatUnit(unit)}`
  );
  output.text(texts.join("\n").trimEnd());
}

/** Writes the units; refuses to replace a file that relais did not write. */
function install(units: readonly Unit[], directory: string): void {
  const foreign = units.map(({ name }) => `${directory}/${name}`)
    .filter((path) => !(read(path) ?? mark).startsWith(mark));
  if (foreign.length > 0) {
    throw new LocalError(
      `Cannot write ${
        foreign.join(" and ")
      }: relais did not write the file that is there`,
      { hint: "move it away first" },
    );
  }
  for (const unit of units) write(`${directory}/${unit.name}`, unit);
}

function read(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    const { NotFound, NotADirectory } = Deno.errors;
    if (error instanceof NotFound || error instanceof NotADirectory) {
      return undefined;
    }
    throw cannot("read", path, error as Error);
  }
}

function write(path: string, unit: Unit): void {
  try {
    ensureDirSync(dirname(path));
    replaceFile(path, formatUnit(unit), 0o644);
  } catch (error) {
    const { cause = error } = error as Error;
    throw cannot("write", path, cause as Error);
  }
}

function cannot(what: string, path: string, cause: Error): LocalError {
  const denied = cause instanceof Deno.errors.PermissionDenied;
  return new LocalError(
    `Cannot ${what} ${path}: ${
      denied ? "permission denied" : systemReason(cause)
    }`,
    {
      cause,
      hint: denied
        ? `run it as root, or with --user for your own systemd`
        : `check the owner, permissions and free space of ${dirname(path)}`,
    },
  );
}

/** Says what there is now, and the next steps. */
function explain(
  config: Config,
  units: readonly Unit[],
  given: Given,
  directory: string,
  output: Output,
): void {
  for (const { name } of units) {
    output.result(`${directory}/${name} is written`);
  }
  const steps = [
    ...given.user ? lingering : accountSteps(config, given),
    ...managerSteps(units, given.user ? "systemctl --user" : "systemctl"),
  ];
  const width = Math.max(...steps.map(({ command }) => command.length)) + 2;
  output.text("\nNext:");
  for (const { command, why } of steps) {
    output.result(`  ${command.padEnd(width)}# ${why}`);
  }
}

/** Something to type, and what for. */
interface Step {
  readonly command: string;
  readonly why: string;
}

const lingering: readonly Step[] = [
  { command: "loginctl enable-linger", why: "to run without a session, too" },
];

/** What the account still needs before the service can start. */
function accountSteps(
  { path, replica, publish }: Config,
  { runAs = defaultAccount, dynamicUser }: Given,
): Step[] {
  const account = lookUp(runAs);
  const steps: Step[] = [];
  if (!dynamicUser) {
    if (account === undefined) {
      steps.push({
        command: `useradd --system --shell /usr/sbin/nologin ${runAs}`,
        why: "the account that runs relais",
      });
    }
    for (const into of [replica?.into, publish?.into]) {
      const owner = into && lookAt(into)?.uid;
      if (into === undefined || owner === (account?.uid ?? null)) continue;
      steps.push({
        command: `install -d -o ${runAs} -g ${runAs} ${into}`,
        why: "so that it can write there",
      });
    }
  }
  if (!isReadableBy(dynamicUser ? undefined : account, path)) {
    steps.push({
      command: dynamicUser ? `chmod a+r ${path}` : `chgrp ${runAs} ${path}`,
      why: "the service reads the configuration itself",
    });
  }
  return steps;
}

function managerSteps(units: readonly Unit[], systemctl: string): Step[] {
  const enable = (name: string) => `${systemctl} enable --now ${name}`;
  return [
    { command: `${systemctl} daemon-reload`, why: "systemd reads the units" },
    ...units.filter(({ name }) => name.endsWith(".timer"))
      .map(({ name }) => ({ command: enable(name), why: "runs it regularly" })),
    ...units.filter(({ name }) => name.startsWith("relaisd"))
      .map(({ name }) => ({
        command: enable(name),
        why: "instead of the timer: one process that keeps running",
      })),
    // Those of jobs would all listen at the same address.
    ...units.filter(({ name }) => name === "relais-serve.service")
      .map(({ name }) => ({
        command: enable(name),
        why: `if wanted: a page at http://${defaultListen}/`,
      })),
  ];
}

/** Tells whether an account, or if not given any, can read a file as far as its mode tells. */
function isReadableBy(account: Entry | undefined, path: string): boolean {
  const { mode, uid, gid } = Deno.statSync(path);
  const readable = account === undefined
    ? 0o004
    : 0o004 | (uid === account.uid ? 0o400 : 0) |
      (gid === account.gid ? 0o040 : 0);
  return (mode! & readable) !== 0;
}

function lookAt(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch {
    // It is still to be made.
    return undefined;
  }
}

/** Where a user's manager looks for units. */
function userDirectory(): string {
  const home = Deno.env.get("HOME") ?? "";
  const configured = Deno.env.get("XDG_CONFIG_HOME") ?? "";
  if (configured.startsWith("/")) return `${configured}/systemd/user`;
  if (home !== "") return `${home}/.config/systemd/user`;
  throw new UsageError("Cannot use --user: HOME is not set", {
    hint: "set HOME to the home directory of the account",
  });
}

/** An account that changes from start to start can own nothing but what systemd gives it. */
function requireKept(config: Config): void {
  const found = obstacles(writtenBy(config), figureDirectories(config.stat));
  if (found.length === 0) return;
  throw new ConfigError(`Cannot use --dynamic-user: ${found.join("; ")}`, [], {
    hint:
      "keep all below /var/lib and the log below /var/log, or name an account with --run-as",
  });
}
