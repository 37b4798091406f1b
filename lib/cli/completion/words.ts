/**
 * What can be completed, as every shell needs it.
 *
 * @module
 */

import {
  type Command,
  globalOptions,
  type Option,
  typedCommands,
} from "../command.ts";

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

/** Returns the options of a command, without those of every command. */
export function completedOptions({ options }: Command): CompletedOption[] {
  return completed(options);
}

/** The options of every command. */
export const completedGlobals: readonly CompletedOption[] = completed(
  globalOptions,
);

function completed(options: readonly Option[]): CompletedOption[] {
  return options.map((option) => ({
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
  { arguments: [argument] }: Command,
  commands: readonly Command[],
): CompletedArgument | undefined {
  if (argument === undefined) return undefined;
  const { kind, choices = [], ...rest } = argument;
  const value = kind === "command"
    ? typedCommands(commands).map(({ name }) => name)
    : kind ?? choices;
  return { ...rest, value };
}
