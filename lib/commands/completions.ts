/**
 * relais completions: what teaches a shell to complete the command line, from
 * the table of commands.
 *
 * @module
 */

import {
  type Command,
  command,
  type Declaration,
  type GivenTo,
  type Surroundings,
} from "../cli/command.ts";
import { bashCompletion } from "../cli/completion/bash.ts";
import { fishCompletion } from "../cli/completion/fish.ts";
import { zshCompletion } from "../cli/completion/zsh.ts";
import { type ExitStatus, exitStatus } from "../errors.ts";

/** The shells that can be taught. */
export const shells = ["bash", "zsh", "fish"] as const;

const declaration = {
  name: "completions",
  summary: "completion of the command line for a shell",
  description: [
    "Prints a script that lets a shell complete commands, options and their values.",
  ],
  arguments: [{
    name: "shell",
    required: true,
    choices: shells,
    help: "bash, zsh or fish",
  }],
  options: [],
  examples: [
    {
      line:
        "relais completions bash > /usr/share/bash-completion/completions/relais",
      help: "for all users of bash",
    },
  ],
} as const satisfies Declaration;

type Given = GivenTo<typeof declaration>;

export const completions = command(declaration, script);

const scripts = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
} satisfies Record<Given["shell"], (commands: readonly Command[]) => string>;

async function script(
  { shell }: Given,
  { output, allCommands }: Surroundings,
): Promise<ExitStatus> {
  output.text(scripts[shell](await allCommands()).trimEnd());
  return exitStatus.done;
}
