/**
 * The declaration of `relais completions`.
 *
 * @module
 */

import type { Command } from "../option.ts";

/** The shells that can be taught. */
export const shells = ["bash", "zsh", "fish"] as const;

export const completions = {
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
} as const satisfies Command;
