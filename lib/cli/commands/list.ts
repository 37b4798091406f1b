/**
 * The declaration of `relais list`.
 *
 * @module
 */

import type { Command } from "../option.ts";

export const list = {
  name: "list",
  summary: "the synchronised list of files",
  description: [
    "Shows the synchronised list: each file with its date, its size and how it stands to what is on the replica.",
  ],
  arguments: [{
    name: "glob",
    required: false,
    help: "only paths that match; quote it from the shell",
  }],
  options: [
    {
      long: "pending",
      kind: "flag",
      help: "only files that are not here yet",
      conflicts: "failed",
    },
    {
      long: "failed",
      kind: "flag",
      help: "only files that could not be copied",
      conflicts: "pending",
    },
  ],
  examples: [
    { line: "relais list 'stock/**/*.csv'", help: "a part of the list" },
    { line: "relais list --pending", help: "what is still to come" },
  ],
} as const satisfies Command;
