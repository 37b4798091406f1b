/**
 * What can be completed, as every shell needs it.
 *
 * @module
 */

import {
  type CommandName,
  commandNamed,
  optionsOf,
  typedCommands,
} from "../commands.ts";
import type { Argument } from "../option.ts";

/** One option. */
export interface CompletedOption {
  /** Its names, with dashes, the long one first. */
  readonly names: readonly string[];
  readonly help: string;
  /** The words its value can be, none if nobody can guess; a path; `undefined` if it has no value. */
  readonly value: readonly string[] | "path" | undefined;
  /** What stands for the value in the help. */
  readonly placeholder: string;
}

/** Returns the options of a command and the global ones. */
export function completedOptions(name: CommandName): CompletedOption[] {
  return optionsOf(commandNamed(name)).map((option) => ({
    names: [
      `--${option.long}`,
      ...option.short === undefined ? [] : [`-${option.short}`],
    ],
    help: option.help,
    value: option.kind === "flag"
      ? undefined
      : option.kind === "path"
      ? "path"
      : option.kind === "choice"
      ? option.choices
      : [],
    placeholder: option.kind === "flag" ? "" : option.value,
  }));
}

/** The word after a command. */
export interface CompletedArgument {
  readonly name: string;
  readonly required: boolean;
  readonly help: string;
  /** The words it can be, none if nobody can guess; or a path. */
  readonly value: readonly string[] | "path";
}

/** Returns the argument of a command, if it has one. */
export function completedArgument(
  name: CommandName,
): CompletedArgument | undefined {
  const [argument] = commandNamed(name).arguments as readonly Argument[];
  if (argument === undefined) return undefined;
  const { kind, choices = [], ...rest } = argument;
  const value = kind === "command"
    ? typedCommands.map((command) => command.name)
    : kind ?? choices;
  return { ...rest, value };
}
