/**
 * The help, out of the table of commands.
 *
 * @module
 */

import { UsageError } from "../errors.ts";
import { nearest } from "../text/nearest.ts";
import { exitStatuses } from "../errors.ts";
import {
  type Command,
  commandNamed,
  defaultCommand,
  globalOptions,
  type Option,
  typed,
  typedCommands,
} from "./command.ts";

/** Columns that a line of help has. */
const width = 80;

/**
 * Returns the help of a command, or the general one.
 *
 * @throws {UsageError} If there is no such command.
 */
export function formatHelp(
  commands: readonly Command[],
  name?: string,
): string {
  if (name === undefined) return generalHelp(commands);
  const known = typedCommands(commands);
  const command = known.find((command) => command.name === name);
  if (command !== undefined) return commandHelp(command);
  const meant = nearest(name, known.map(({ name }) => name));
  throw new UsageError(
    `Cannot explain "${name}": there is no such command${
      meant === undefined ? "" : `; did you mean ${meant}?`
    }`,
    { hint: `run "relais help"` },
  );
}

function generalHelp(commands: readonly Command[]): string {
  const run = commandNamed(defaultCommand, commands);
  return [
    "relais keeps a copy of chosen files of a production server, over SFTP.",
    section("Usage", ["relais [options]", "relais <command> [options]"]),
    wrap(run.description[0]!),
    section(
      "Commands",
      columns(
        typedCommands(commands).map(({ name, summary }) => [name, summary]),
      ),
    ),
    section("Options", columns(run.options.map(optionRow))),
    section("Options of every command", columns(globalOptions.map(optionRow))),
    section(
      "Exit status",
      columns(exitStatuses.map(({ status, meaning }) => [status, meaning])),
    ),
    section(
      "Examples",
      columns(run.examples.map(({ line, help }) => [line, help])),
    ),
  ].join("\n\n");
}

function commandHelp(command: Command): string {
  const words = command.arguments.map(({ name, required }) =>
    required ? name.toUpperCase() : `[${name.toUpperCase()}]`
  );
  const parts = [
    section("Usage", [[typed(command.name), "[options]", ...words].join(" ")]),
    ...command.description.map((paragraph) => wrap(paragraph)),
  ];
  const rows = {
    Arguments: command.arguments.map((
      { name, help },
    ) => [name.toUpperCase(), help]),
    Options: command.options.map(optionRow),
    "Options of every command": globalOptions.map(optionRow),
    Examples: command.examples.map(({ line, help }) => [line, help]),
  };
  for (const [title, lines] of Object.entries(rows)) {
    if (lines.length > 0) parts.push(section(title, columns(lines)));
  }
  return parts.join("\n\n");
}

function section(title: string, lines: readonly string[]): string {
  return [`${title}:`, ...lines.map((line) => `  ${line}`)].join("\n");
}

function optionRow(option: Option): [string, string] {
  const short = option.short === undefined ? "    " : `-${option.short}, `;
  if (option.kind === "flag") return [`${short}--${option.long}`, option.help];
  const choices = option.kind === "choice"
    ? `: ${option.choices.join(", ")}`
    : "";
  const standard = option.default === undefined ? "" : ` (${option.default})`;
  return [
    `${short}--${option.long} ${option.value}`,
    option.help + choices + standard,
  ];
}

/** Two columns, the second one wrapped. */
function columns(rows: readonly (readonly string[])[]): string[] {
  const left = Math.max(...rows.map(([first]) => first!.length)) + 2;
  return rows.flatMap(([first, second]) => {
    const lines = wrap(second!, width - left - 2).split("\n");
    return lines.map((line, index) =>
      (index === 0 ? first! : "").padEnd(left) + line
    );
  });
}

/** Breaks text between words. */
function wrap(text: string, columns = width): string {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1)!;
    if (line !== "" && line.length + word.length + 1 > columns) {
      lines.push(word);
    } else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  return lines.join("\n");
}
