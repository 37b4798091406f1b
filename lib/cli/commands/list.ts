/**
 * The declaration of `relais list`.
 *
 * @module
 */

import { listOrders } from "../../state/overview.ts";
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
    {
      long: "since",
      kind: "duration",
      value: "DURATION",
      help: "only files published in the last DURATION, like 1d",
    },
    {
      long: "sort",
      kind: "choice",
      value: "BY",
      choices: listOrders,
      help: "in which order",
      default: "path",
    },
  ],
  examples: [
    { line: "relais list 'stock/**/*.csv'", help: "a part of the list" },
    { line: "relais list --pending", help: "what is still to come" },
  ],
} as const satisfies Command;
