/**
 * Commands: the declaration of each, from which help, completion and the types of
 * its options follow, and the function that runs it.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import type { ExitStatus } from "../errors.ts";
import type { Output } from "./output.ts";

/** The part that all kinds of options share. */
interface Named {
  /** The name after `--`; also the key of its value. */
  readonly long: string;
  /** The letter after `-`. */
  readonly short?: string;
  /** Effect of the option, for the help: no capital, no full stop. */
  readonly help: string;
  /** The long names of options that contradict this one. */
  readonly conflicts?: string | readonly string[];
  /** The long name of a flag that must be there with this one. */
  readonly needs?: string;
}

/** An option that is there or not. */
export interface FlagOption extends Named {
  readonly kind: "flag";
}

/** An option followed by a value. */
export interface ValueOption extends Named {
  /** `integer`: 0 or more; `duration`, `size` and `share`: as in the configuration, `90s`, `10GB`, `1%`; `account`, `server`, `job`: the name of one. */
  readonly kind:
    | "integer"
    | "duration"
    | "size"
    | "share"
    | "path"
    | "account"
    | "server"
    | "job";
  /** The word that stands for the value in the help. */
  readonly value: string;
  /** The default, in words. */
  readonly default?: string;
}

/** An option followed by one of several words. */
export interface ChoiceOption extends Named {
  readonly kind: "choice";
  readonly value: string;
  readonly choices: readonly string[];
  readonly default?: string;
}

/** One option. */
export type Option = FlagOption | ValueOption | ChoiceOption;

/** A word after the command. */
export interface Argument {
  /** Key of its value, and in capitals the word that stands for it in the help. */
  readonly name: string;
  readonly required: boolean;
  readonly help: string;
  /** What the word is, for the shells that complete it. */
  readonly kind?: "path" | "command";
  /** The words it can be; any word if not given. */
  readonly choices?: readonly string[];
}

/** A command line somebody may want to type, and what it is good for. */
export interface Example {
  readonly line: string;
  readonly help: string;
}

/** What a command is, before anything is said of what it does. */
export interface Declaration {
  readonly name: string;
  /** A phrase for the list of commands: no capital, no full stop. */
  readonly summary: string;
  /** Paragraphs for the help of the command alone and for the manual page. */
  readonly description: readonly string[];
  readonly arguments: readonly Argument[];
  readonly options: readonly Option[];
  readonly examples: readonly Example[];
}

/** What a command finds around it. */
export interface Surroundings {
  readonly output: Output;
  /**
   * Reads the configuration.
   *
   * @throws {ConfigError} If it cannot be used.
   */
  load(): Promise<Config>;
  /** Loads all commands, this one among them. */
  allCommands(): Promise<readonly Command[]>;
}

/** Does what a command is for. */
export type Work<Values> = (
  given: Values,
  surroundings: Surroundings,
) => Promise<ExitStatus> | ExitStatus;

/** One command. */
export interface Command extends Declaration {
  readonly run: Work<Given>;
  /** Tells whether root's must be done by the account that the state or the export belongs to. */
  belongsToAccount(given: Given): boolean;
}

/** How each command is loaded, by its name: what it needs takes time. */
export type CommandLoaders = Readonly<Record<string, () => Promise<Command>>>;

/** Makes a command. Those that write what belongs to an account, or examine what it can do, say when. */
export function command<const Declared extends Declaration>(
  declaration: Declared,
  run: Work<GivenTo<Declared>>,
  belongsToAccount: (given: GivenTo<Declared>) => boolean = () => false,
): Command {
  // The parser gives each command what its own declaration promises.
  return { ...declaration, run, belongsToAccount } as unknown as Command;
}

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
    help: "print results as one JSON document, or one per line for streams",
  },
  {
    long: "verbose",
    short: "v",
    kind: "flag",
    help: "print more: each file of a pass as it arrives",
    conflicts: "quiet",
  },
  {
    long: "quiet",
    short: "q",
    kind: "flag",
    help: "print only warnings and errors",
    conflicts: "verbose",
  },
  { long: "help", short: "h", kind: "flag", help: "show this help" },
  { long: "version", short: "V", kind: "flag", help: "show the version" },
] as const satisfies readonly Option[];

/** The command that is run when none is named. */
export const defaultCommand = "run";

/** Returns the commands that have a word of their own on the command line. */
export function typedCommands(commands: readonly Command[]): Command[] {
  return commands.filter(({ name }) => name !== defaultCommand);
}

/** Returns the command of a name that is known to be one. */
export function commandNamed(
  name: string,
  commands: readonly Command[],
): Command {
  return commands.find((command) => command.name === name)!;
}

/** Returns the options of a command and the global ones. */
export function optionsOf({ options }: Declaration): readonly Option[] {
  return [...options, ...globalOptions];
}

/** Says how a command is typed: `relais status`, and `relais` for the default one. */
export function typed(name: string): string {
  return name === defaultCommand ? "relais" : `relais ${name}`;
}

/** Returns the key of the value of an option: `maxLag` of `max-lag`. */
export function keyOf(long: string): string {
  return long.replace(/-(.)/g, (_, letter) => letter.toUpperCase());
}

type KeyOf<Long extends string> = Long extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<KeyOf<Tail>>}`
  : Long;

/** The value of one option: milliseconds for a duration, `undefined` for what was not given. */
type OptionValue<O extends Option> = O extends FlagOption ? boolean
  : O extends ChoiceOption ? O["choices"][number] | undefined
  : O extends { readonly kind: "path" | "account" | "server" | "job" }
    ? string | undefined
  : number | undefined;

type OptionValues<Options extends readonly Option[]> = {
  readonly [O in Options[number] as KeyOf<O["long"]>]: OptionValue<O>;
};

type WordOf<A extends Argument> = A extends
  { readonly choices: readonly (infer Choice)[] } ? Choice : string;

type ArgumentValues<Arguments extends readonly Argument[]> = {
  readonly [A in Arguments[number] as A["name"]]:
    | WordOf<A>
    | (A["required"] extends true ? never : undefined);
};

/** What was given to any command: the values of the options that all have. */
export type Given = OptionValues<typeof globalOptions>;

/** What was given to a command: its options, by their keys, and its arguments, by their names. */
export type GivenTo<Declared extends Declaration> =
  & OptionValues<Declared["options"]>
  & ArgumentValues<Declared["arguments"]>
  & Given;
