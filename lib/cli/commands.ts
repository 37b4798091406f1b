/**
 * The command line, declared once: what is parsed, the help, shell completions
 * and manual pages all come from this table.
 *
 * @module
 */

import { check } from "./commands/check.ts";
import { completions } from "./commands/completions.ts";
import { demo } from "./commands/demo.ts";
import { help } from "./commands/help.ts";
import { init } from "./commands/init.ts";
import { list } from "./commands/list.ts";
import { log } from "./commands/log.ts";
import { publish } from "./commands/publish.ts";
import { resolve } from "./commands/resolve.ts";
import { run } from "./commands/run.ts";
import { serve } from "./commands/serve.ts";
import { stat } from "./commands/stat.ts";
import { status } from "./commands/status.ts";
import { unit } from "./commands/unit.ts";
import { verify } from "./commands/verify.ts";
import { why } from "./commands/why.ts";
import type { Command, Option } from "./option.ts";

/** The options every command has. */
export const globalOptions = [
  {
    long: "config",
    short: "c",
    kind: "path",
    value: "FILE",
    help: "read the configuration from FILE",
    default: "/etc/relais/relais.toml, then ./relais.toml",
  },
  {
    long: "job",
    kind: "job",
    value: "NAME",
    help: "the job NAME: read /etc/relais/NAME.toml",
    conflicts: "config",
  },
  {
    long: "json",
    kind: "flag",
    help: "give results as JSON, one document; a line each for what streams",
  },
  {
    long: "verbose",
    short: "v",
    kind: "flag",
    help: "tell more: of a pass, each file as it arrives",
    conflicts: "quiet",
  },
  {
    long: "quiet",
    short: "q",
    kind: "flag",
    help: "tell only warnings and errors",
    conflicts: "verbose",
  },
  { long: "help", short: "h", kind: "flag", help: "show this help" },
  { long: "version", short: "V", kind: "flag", help: "show the version" },
] as const satisfies readonly Option[];

/** What is run when no command is named. */
export const defaultCommand = run.name;

/** All commands, in the order in which the help shows them. */
export const commands = [
  run,
  publish,
  check,
  status,
  stat,
  serve,
  log,
  list,
  why,
  resolve,
  verify,
  init,
  unit,
  completions,
  demo,
  help,
] as const satisfies readonly Command[];

/** One of the commands. */
export type DeclaredCommand = typeof commands[number];

/** The name of a command. */
export type CommandName = DeclaredCommand["name"];

/** The commands that have a word of their own on the command line. */
export const typedCommands: readonly DeclaredCommand[] = commands.filter(
  ({ name }) => name !== defaultCommand,
);

/** Returns the declaration of a command. */
export function commandNamed(name: CommandName): DeclaredCommand {
  return commands.find((command) => command.name === name)!;
}

/** Returns the options of a command and the global ones. */
export function optionsOf(command: Command): readonly Option[] {
  return [...command.options, ...globalOptions];
}

/** Says how a command is typed: `relais status`, and `relais` for the default one. */
export function typed(name: string): string {
  return name === defaultCommand ? "relais" : `relais ${name}`;
}
