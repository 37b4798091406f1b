/**
 * relais help: how a command line is typed.
 *
 * @module
 */

import { command, type Declaration } from "../cli/command.ts";
import { formatHelp } from "../cli/help.ts";
import { exitStatus } from "../errors.ts";

const declaration = {
  name: "help",
  summary: "this help, or the help of a command",
  description: ["Shows this help, or the help of a command."],
  arguments: [{
    name: "command",
    kind: "command",
    required: false,
    help: "the command to explain",
  }],
  options: [],
  examples: [],
} as const satisfies Declaration;

export const help = command(
  declaration,
  async (given, { output, allCommands }) => {
    output.text(formatHelp(await allCommands(), given.command));
    return exitStatus.done;
  },
);
