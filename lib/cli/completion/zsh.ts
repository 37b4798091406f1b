/**
 * Completion for zsh, by its `_arguments`; see zshcompsys(1).
 *
 * @module
 */

import { quoted } from "../../text/shell-word.ts";
import {
  type Command,
  commandNamed,
  defaultCommand,
  typedCommands,
} from "../command.ts";
import {
  type CompletedArgument,
  completedArgument,
  completedGlobals,
  type CompletedOption,
  completedOptions,
} from "./words.ts";

/** Returns a script that teaches zsh to complete relais. */
export function zshCompletion(commands: readonly Command[]): string {
  const described = typedCommands(commands).map(({ name, summary }) =>
    `    ${quoted(`${name}:${summary}`)}`
  );
  const cases = typedCommands(commands).map((command) =>
    `    ${command.name}) _arguments -S ${specsOf(command, commands)} ;;`
  );
  const main = commandNamed(defaultCommand, commands);
  return `#compdef relais
# zsh completion for relais; relais completions zsh

_relais() {
  local context state state_descr line
  local -A opt_args
  local -a commands=(
${described.join("\n")}
  )
  _arguments -C -S ${specsOf(main, commands)} \\
    '1: :->command' '*:: :->words'
  case $state in
  command) _describe command commands ;;
  words)
    case $line[1] in
${cases.join("\n")}
    esac
    ;;
  esac
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _relais "$@"
else
  compdef _relais relais
fi
`;
}

function specsOf(command: Command, commands: readonly Command[]): string {
  const argument = completedArgument(command, commands);
  const specs = [...completedOptions(command), ...completedGlobals].map(
    optionSpec,
  );
  if (argument !== undefined) specs.push(argumentSpec(argument));
  return specs.map((spec) => `\\\n      ${spec}`).join(" ");
}

function optionSpec(
  { names: [long, short], help, value, placeholder }: CompletedOption,
): string {
  const action = value === undefined
    ? ""
    : `:${placeholder}:${value === "path" ? "_files" : list(value)}`;
  const text = `[${inBrackets(help)}]${action}`;
  const equals = value === undefined ? "" : "=";
  if (short === undefined) return quoted(`${long}${equals}${text}`);
  const letter = `${short}${value === undefined ? "" : "+"}`;
  return `${quoted(`(${short} ${long})`)}{${letter},${long}${equals}}${
    quoted(text)
  }`;
}

function argumentSpec({ name, required, value }: CompletedArgument): string {
  const action = value === "path" ? "_files" : list(value);
  return quoted(`${required ? "1:" : "1::"}${name}:${action}`);
}

/** A list to choose from; an empty one says only what is expected. */
function list(words: readonly string[]): string {
  return words.length === 0 ? "" : `(${words.join(" ")})`;
}

function inBrackets(text: string): string {
  return text.replaceAll(/[[\]:\\]/g, "\\$&");
}
