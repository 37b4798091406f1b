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
    "Shows the synchronised list, one line a file: how it stands to what is on the replica, its size, its date, and the servers that name it; how it stands of each that has another version. With --json, one object for each server that names a file. On a terminal PAGER shows it, or less.",
    "With --diff it looks at the disk, and shows what is missing, has another size or date than it should, or did not come with relais; exits with 1 if there is any. What the files hold only relais verify can tell.",
  ],
  arguments: [{
    name: "glob",
    required: false,
    help: "only paths that match; quote it from the shell",
  }],
  options: [
    {
      long: "wanted",
      kind: "flag",
      help: "only files that are still to be fetched",
      conflicts: "failed",
    },
    {
      long: "failed",
      kind: "flag",
      help: "only files that could not be copied",
      conflicts: "diff",
    },
    {
      long: "diff",
      kind: "flag",
      help: "not the list, but how the disk differs from it",
      conflicts: "wanted",
    },
    {
      long: "skipped",
      kind: "flag",
      help:
        "not the list, but what lies in a server's tree and is not copied: symbolic links, empty directories, special files",
      conflicts: "diff",
    },
    {
      long: "since",
      kind: "duration",
      value: "DURATION",
      help: "only files published in the last DURATION, like 1d",
      conflicts: "diff",
    },
    {
      long: "sort",
      kind: "choice",
      value: "BY",
      choices: listOrders,
      help: "in which order",
      default: "path",
      conflicts: "diff",
    },
  ],
  examples: [
    { line: "relais list 'stock/**/*.csv'", help: "a part of the list" },
    { line: "relais list --wanted", help: "what is still to come" },
    { line: "relais list --diff", help: "what somebody else changed here" },
  ],
} as const satisfies Command;
