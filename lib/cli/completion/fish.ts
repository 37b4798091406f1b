/**
 * Completion for fish; see complete(1) there.
 *
 * @module
 */

import { type Command, defaultCommand, typedCommands } from "../command.ts";
import {
  type CompletedArgument,
  completedArgument,
  completedGlobals,
  type CompletedOption,
  completedOptions,
} from "./words.ts";

/** Returns a script that teaches fish to complete relais. */
export function fishCompletion(commands: readonly Command[]): string {
  const lines = typedCommands(commands).map(({ name, summary }) =>
    `${noCommand} -a ${name} -d ${quote(summary)}`
  );
  lines.push(
    ...completedGlobals.map((option) =>
      `complete -c relais ${optionPart(option)}`
    ),
  );
  for (const command of commands) {
    const condition = command.name === defaultCommand
      ? noCommand
      : `complete -c relais -n '__fish_seen_subcommand_from ${command.name}'`;
    lines.push(
      ...completedOptions(command).map((option) =>
        `${condition} ${optionPart(option)}`
      ),
    );
    const argument = completedArgument(command, commands);
    if (argument !== undefined && argument.value.length > 0) {
      lines.push(`${condition} ${argumentPart(argument)}`);
    }
  }
  return `# fish completion for relais; relais completions fish

complete -c relais -f
${lines.join("\n")}
`;
}

/** Before a command is named, the options are those of the default one. */
const noCommand = "complete -c relais -n __fish_use_subcommand";

function optionPart(
  { names: [long, short], help, value }: CompletedOption,
): string {
  const letter = short === undefined ? "" : ` -s ${short.slice(1)}`;
  const values = value === undefined
    ? ""
    : value === "path"
    ? " -r -F"
    : ` -x${value.length === 0 ? "" : ` -a ${quote(value.join(" "))}`}`;
  return `-l ${long!.slice(2)}${letter}${values} -d ${quote(help)}`;
}

function argumentPart({ value, help }: CompletedArgument): string {
  if (value === "path") return "-F";
  return `-a ${quote(value.join(" "))} -d ${quote(help)}`;
}

function quote(text: string): string {
  return `'${text.replaceAll(/['\\]/g, "\\$&")}'`;
}
