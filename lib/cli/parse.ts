/**
 * What was typed on the command line, checked against the table of commands.
 *
 * Options may stand before or after the command, `--` ends them. Of an option
 * given twice the last one holds, as in rsync, so that a line of a script or a
 * unit can be overridden by what is appended to it.
 *
 * @module
 */

import { type Args, parseArgs } from "@std/cli/parse-args";
import { UsageError } from "../errors.ts";
import { nearest } from "../nearest.ts";
import {
  commandNamed,
  commands,
  type DeclaredCommand,
  defaultCommand,
  type globalOptions,
  optionsOf,
  typed,
  typedCommands,
} from "./commands.ts";
import type {
  Argument,
  ArgumentValues,
  Option,
  OptionValues,
} from "./option.ts";
import { spellOut } from "./spelling.ts";
import { valueOf } from "./value.ts";

/** The values of the options every command has. */
export type GlobalOptions = OptionValues<typeof globalOptions>;

/** What a command is run with; all there is to know of one command line. */
export type InvocationOf<Command extends DeclaredCommand> = Command extends
  DeclaredCommand ? {
    readonly command: Command["name"];
    readonly options: OptionValues<Command["options"]> & GlobalOptions;
    readonly arguments: ArgumentValues<Command["arguments"]>;
  }
  : never;

/** What was asked for: a command, or the version. `--help` is the command `help`. */
export type Invocation = InvocationOf<DeclaredCommand> | {
  readonly command: "version";
  readonly options: GlobalOptions;
};

/**
 * Understands a command line.
 *
 * @throws {UsageError} If it names what is not there, or leaves out what is needed.
 */
export function parseCommandLine(args: readonly string[]): Invocation {
  const { command, rest } = findCommand(args);
  const options = optionsOf(command);
  const parsed = parseArgs(spellOut(rest, options), {
    string: ["_", ...options.map(({ long }) => long)],
    "--": true,
    unknown: (argument, key) =>
      key === undefined || refuseOption(argument, command),
  });
  const values = Object.fromEntries(
    options.map((
      option,
    ) => [option.long, valueOf(option, parsed[option.long])]),
  );
  refuseConflicts(options, values);
  return asked(command, values, wordsOf(parsed));
}

function asked(
  command: DeclaredCommand,
  options: Record<string, unknown>,
  words: readonly string[],
): Invocation {
  if (options.version) {
    return { command: "version", options } as unknown as Invocation;
  }
  if (options.help) {
    const named = command.name === defaultCommand ? undefined : command.name;
    return {
      command: "help",
      options,
      arguments: { command: named },
    } as unknown as Invocation;
  }
  return {
    command: command.name,
    options,
    arguments: argumentsOf(command, words),
  } as unknown as Invocation;
}

/** Takes the first word that is no option, nor the value of one, for the command. */
function findCommand(
  args: readonly string[],
): { command: DeclaredCommand; rest: readonly string[] } {
  const index = args.findIndex((argument, at) =>
    !argument.startsWith("-") && !takesValue(args[at - 1])
  );
  const end = args.indexOf("--");
  if (index === -1 || (end !== -1 && end < index)) {
    return { command: commandNamed(defaultCommand), rest: args };
  }
  const command = typedCommands.find(({ name }) => name === args[index]);
  if (command === undefined) throw unknownCommand(args[index]!);
  return { command, rest: args.toSpliced(index, 1) };
}

/** Whether an argument is an option whose value follows as the next one. */
function takesValue(argument: string | undefined): boolean {
  const options: readonly Option[] = commands.flatMap((command) =>
    optionsOf(command)
  );
  return options.some(({ kind, long, short }) =>
    kind !== "flag" &&
    (argument === `--${long}` || (short === "c" && argument === "-c"))
  );
}

function wordsOf(parsed: Args): string[] {
  return [...parsed._, ...(parsed["--"] as string[] | undefined ?? [])].map(
    String,
  );
}

function argumentsOf(
  command: DeclaredCommand,
  words: readonly string[],
): Record<string, string | undefined> {
  const declared = command.arguments;
  if (words.length > declared.length) {
    throw new UsageError(
      `Cannot understand "${words[declared.length]}": ${
        typed(command.name)
      } takes ${declared.length === 0 ? "no argument" : "one argument"}`,
      { hint: helpFor(command) },
    );
  }
  return Object.fromEntries(
    declared.map((argument, index) => [
      argument.name,
      wordFor(argument, words[index], command),
    ]),
  );
}

/** Checks a word against what is declared of it. */
function wordFor(
  { name, required, choices }: Argument,
  word: string | undefined,
  command: DeclaredCommand,
): string | undefined {
  const hint = helpFor(command);
  if (word === undefined) {
    if (!required) return undefined;
    throw new UsageError(
      `Cannot run ${typed(command.name)} without ${name.toUpperCase()}${
        choices === undefined ? "" : `: ${choices.join(", ")}`
      }`,
      { hint },
    );
  }
  if (choices === undefined || choices.includes(word)) return word;
  throw new UsageError(
    `Cannot use "${word}" as ${name.toUpperCase()}: it is none of ${
      choices.join(", ")
    }`,
    { hint },
  );
}

function unknownCommand(word: string): UsageError {
  const meant = nearest(word, typedCommands.map(({ name }) => name));
  return new UsageError(
    `Cannot run "${word}": there is no such command${didYouMean(meant)}`,
    { hint: `see "relais help"` },
  );
}

function refuseOption(argument: string, command: DeclaredCommand): never {
  const option = argument.replace(/=.*/s, "");
  const owners = commands.filter(({ options }) =>
    (options as readonly Option[]).some(({ long }) => `--${long}` === option)
  );
  if (owners.length > 0) {
    const names = owners.map(({ name }) => typed(name)).join(" and ");
    throw new UsageError(
      `Cannot use ${option} with ${
        typed(command.name)
      }: it is an option of ${names}`,
      { hint: helpFor(command) },
    );
  }
  const meant = nearest(
    option,
    optionsOf(command).map(({ long }) => `--${long}`),
  );
  throw new UsageError(
    `Cannot use ${option}: there is no such option${didYouMean(meant)}`,
    { hint: helpFor(command) },
  );
}

function refuseConflicts(
  options: readonly Option[],
  values: Readonly<Record<string, unknown>>,
): void {
  for (const { long, conflicts, needs } of options) {
    if (!values[long]) continue;
    for (const other of [conflicts ?? []].flat()) {
      if (!values[other]) continue;
      throw new UsageError(`Cannot use --${long} and --${other} together`);
    }
    if (needs !== undefined && !values[needs]) {
      throw new UsageError(`Cannot use --${long} without --${needs}`);
    }
  }
}

function helpFor({ name }: DeclaredCommand): string {
  return name === defaultCommand
    ? `see "relais help"`
    : `see "relais help ${name}"`;
}

function didYouMean(meant: string | undefined): string {
  return meant === undefined ? "" : `; did you mean ${meant}?`;
}
