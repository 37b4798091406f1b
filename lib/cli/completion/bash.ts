/**
 * Completion for bash.
 *
 * @module
 */

import { type Command, defaultCommand, typedCommands } from "../command.ts";
import {
  completedArgument,
  completedGlobals,
  type CompletedOption,
  completedOptions,
} from "./words.ts";

/** Returns a script that teaches bash to complete relais. */
export function bashCompletion(commands: readonly Command[]): string {
  const global = completedGlobals;
  const own = commands.map((command) => ({
    name: command.name,
    options: completedOptions(command),
  }));
  const takers = [...global, ...own.flatMap(({ options }) => options)]
    .filter(({ value }) => value !== undefined).map(({ names }) => names[0]);
  const values = [
    ...global.flatMap((option) => valueCase("*", option)),
    ...own.flatMap(({ name, options }) =>
      options.flatMap((option) => valueCase(typedAs(name), option))
    ),
  ];
  return `# bash completion for relais; relais completions bash

_relais() {
  local word=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]}
  local command="" words="" files="" i
  # bash takes --level=info for three words.
  if [[ $word == "=" ]]; then
    word=""
  elif [[ $previous == "=" ]]; then
    previous=\${COMP_WORDS[COMP_CWORD - 2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    [[ \${COMP_WORDS[i]} == [-=]* || \${COMP_WORDS[i - 1]} == "=" ]] && continue
    case \${COMP_WORDS[i - 1]} in
    -c | ${[...new Set(takers)].join(" | ")}) continue ;;
    esac
    command=\${COMP_WORDS[i]}
    break
  done
  case $command:$previous:$word in
${values.join("\n")}
  *:*:-*)
    words="${longNames(global)}"
    case $command in
${own.flatMap(({ name, options }) => optionCase(name, options)).join("\n")}
    esac
    ;;
  :*) words="${typedCommands(commands).map(({ name }) => name).join(" ")}" ;;
${commands.flatMap((command) => argumentCase(command, commands)).join("\n")}
  esac
  if [[ -n $files ]]; then
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  else
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
  fi
}

complete -F _relais relais
`;
}

/** The command as it stands in the line: the default one is not there. */
function typedAs(name: string): string {
  return name === defaultCommand ? "" : name;
}

function valueCase(
  command: string,
  { names, value }: CompletedOption,
): string[] {
  if (value === undefined) return [];
  const patterns = names.map((name) => `${command}:${name}:*`).join(" | ");
  return [`  ${patterns}) ${action(value)} ;;`];
}

function optionCase(
  name: string,
  options: readonly CompletedOption[],
): string[] {
  if (options.length === 0) return [];
  const pattern = typedAs(name) === "" ? `""` : name;
  return [`    ${pattern}) words+=" ${longNames(options)}" ;;`];
}

function argumentCase(
  command: Command,
  commands: readonly Command[],
): string[] {
  const value = completedArgument(command, commands)?.value ?? [];
  if (value.length === 0) return [];
  return [`  ${command.name}:*) ${action(value)} ;;`];
}

function action(value: readonly string[] | "path"): string {
  return value === "path" ? "files=yes" : `words="${value.join(" ")}"`;
}

function longNames(options: readonly CompletedOption[]): string {
  return options.map(({ names }) => names[0]).join(" ");
}
