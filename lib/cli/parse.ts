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
import { nearest } from "../text/nearest.ts";
import {
  type Argument,
  type Command,
  type CommandLoaders,
  commandNamed,
  defaultCommand,
  type Given,
  keyOf,
  optionsOf,
  typed,
  typedCommands,
} from "./command.ts";
import { spellOut } from "./spelling.ts";
import { valueOf } from "./value.ts";

/** What was asked for: a command, with all that was given to it. `--help` is the command `help`. */
export interface Invocation {
  readonly command: Command;
  /** The values of its options by their keys, and its arguments by their names. */
  readonly given: Given & { readonly [name: string]: unknown };
}

/**
 * Understands a command line, and loads no command that it does not name.
 *
 * @throws {UsageError} See {@link parseCommandLine}.
 */
export async function understand(
  args: readonly string[],
  commands: CommandLoaders,
): Promise<Invocation> {
  const named = Object.entries(commands).filter(([name]) =>
    [defaultCommand, "help", ...args].includes(name)
  );
  try {
    return parseCommandLine(args, await loadAll(Object.fromEntries(named)));
  } catch {
    // What is wrong with it, only all of them can tell.
    return parseCommandLine(args, await loadAll(commands));
  }
}

/** Loads commands. */
export async function loadAll(
  commands: CommandLoaders,
): Promise<readonly Command[]> {
  return await Promise.all(Object.values(commands).map((load) => load()));
}

/**
 * Understands a command line.
 *
 * @throws {UsageError} If it names what is not there, or leaves out what is needed.
 */
export function parseCommandLine(
  args: readonly string[],
  commands: readonly Command[],
): Invocation {
  const { command, rest } = findCommand(args, commands);
  const options = optionsOf(command);
  const parsed = parseArgs(spellOut(rest, options), {
    string: ["_", ...options.map(({ long }) => long)],
    "--": true,
    unknown: (argument, key) =>
      key === undefined || refuseOption(argument, command, commands),
  });
  const values = Object.fromEntries(
    options.map((
      option,
    ) => [option.long, valueOf(option, parsed[option.long])]),
  );
  refuseConflicts(command, values);
  const given = Object.fromEntries(
    Object.entries(values).map(([long, value]) => [keyOf(long), value]),
  ) as Invocation["given"];
  if (given.version) return { command, given };
  if (given.help) {
    const named = command.name === defaultCommand ? undefined : command.name;
    return {
      command: commandNamed("help", commands),
      given: { ...given, command: named },
    };
  }
  const words = argumentsOf(command, wordsOf(parsed));
  return { command, given: { ...given, ...words } };
}

/** Takes the first word that is no option, nor the value of one, for the command. */
function findCommand(
  args: readonly string[],
  commands: readonly Command[],
): { command: Command; rest: readonly string[] } {
  const index = args.findIndex((argument, at) =>
    !argument.startsWith("-") && !takesValue(args[at - 1], commands)
  );
  const end = args.indexOf("--");
  if (index === -1 || (end !== -1 && end < index)) {
    return { command: commandNamed(defaultCommand, commands), rest: args };
  }
  const command = typedCommands(commands).find(({ name }) =>
    name === args[index]
  );
  if (command === undefined) throw unknownCommand(args[index]!, commands);
  return { command, rest: args.toSpliced(index, 1) };
}

/** Tells whether an argument is an option whose value follows as the next one. */
function takesValue(
  argument: string | undefined,
  commands: readonly Command[],
): boolean {
  return commands.flatMap(optionsOf).some(({ kind, long, short }) =>
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
  command: Command,
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
  command: Command,
): string | undefined {
  const hint = helpFor(command);
  if (word === undefined && !required) return undefined;
  // A variable of a script may be empty.
  if (word === undefined || (word === "" && required)) {
    throw new UsageError(
      `Cannot run ${typed(command.name)} without ${name.toUpperCase()}${
        choices === undefined ? "" : `: ${choices.join(", ")}`
      }`,
      { hint },
    );
  }
  if (choices === undefined || choices.includes(word)) return word;
  throw new UsageError(
    `Cannot use "${word}" as ${name.toUpperCase()}: use one of ${
      choices.join(", ")
    }`,
    { hint },
  );
}

function unknownCommand(
  word: string,
  commands: readonly Command[],
): UsageError {
  const meant = nearest(word, typedCommands(commands).map(({ name }) => name));
  return new UsageError(
    `Cannot run "${word}": there is no such command${didYouMean(meant)}`,
    { hint: `run "relais help"; a pass is "relais --once"` },
  );
}

function refuseOption(
  argument: string,
  command: Command,
  commands: readonly Command[],
): never {
  const option = argument.replace(/=.*/s, "");
  const owners = commands.filter(({ options }) =>
    options.some(({ long }) => `--${long}` === option)
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
  command: Command,
  values: Readonly<Record<string, unknown>>,
): void {
  const hint = helpFor(command);
  for (const { long, conflicts, needs } of optionsOf(command)) {
    if (!values[long]) continue;
    for (const other of [conflicts ?? []].flat()) {
      if (!values[other]) continue;
      throw new UsageError(`Cannot use --${long} and --${other} together`, {
        hint,
      });
    }
    if (needs !== undefined && !values[needs]) {
      throw new UsageError(`Cannot use --${long} without --${needs}`, { hint });
    }
  }
}

function helpFor({ name }: Command): string {
  return name === defaultCommand
    ? `see "relais help"`
    : `see "relais help ${name}"`;
}

function didYouMean(meant: string | undefined): string {
  return meant === undefined ? "" : `; did you mean ${meant}?`;
}
