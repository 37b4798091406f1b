/**
 * The declaration of `relais help`.
 *
 * @module
 */

import type { Command } from "../option.ts";

export const help = {
  name: "help",
  summary: "this help, or that of a command",
  description: ["Shows this help, or that of a command."],
  arguments: [{
    name: "command",
    kind: "command",
    required: false,
    help: "the command to explain",
  }],
  options: [],
  examples: [],
} as const satisfies Command;
