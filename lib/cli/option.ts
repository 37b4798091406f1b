/**
 * The forms in which commands and their options are declared, and the types of
 * the values that follow from a declaration.
 *
 * @module
 */

/** What every option has. */
interface Named {
  /** The name after `--`; also the key of its value. */
  readonly long: string;
  /** The letter after `-`. */
  readonly short?: string;
  /** What it does: no capital, no full stop. */
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
  /** What holds without the option, in words. */
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

/** One command. */
export interface Command {
  readonly name: string;
  /** A phrase for the list of commands: no capital, no full stop. */
  readonly summary: string;
  /** Paragraphs for the help of the command alone and for the manual page. */
  readonly description: readonly string[];
  readonly arguments: readonly Argument[];
  readonly options: readonly Option[];
  readonly examples: readonly Example[];
}

/** The value of one option: milliseconds for a duration, `undefined` for what was not given. */
export type OptionValue<O extends Option> = O extends FlagOption ? boolean
  : O extends ChoiceOption ? O["choices"][number] | undefined
  : O extends { readonly kind: "path" | "account" | "server" | "job" }
    ? string | undefined
  : number | undefined;

/** The values of several options by their long names. */
export type OptionValues<Options extends readonly Option[]> = {
  readonly [O in Options[number] as O["long"]]: OptionValue<O>;
};

type WordOf<A extends Argument> = A extends
  { readonly choices: readonly (infer Choice)[] } ? Choice : string;

/** The values of several arguments by their names. */
export type ArgumentValues<Arguments extends readonly Argument[]> = {
  readonly [A in Arguments[number] as A["name"]]:
    | WordOf<A>
    | (A["required"] extends true ? never : undefined);
};
