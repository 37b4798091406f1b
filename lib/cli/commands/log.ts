/**
 * The declaration of `relais log`.
 *
 * @module
 */

import { levels } from "../../config/config.ts";
import { moduleNames } from "../../protocol.ts";
import type { Command } from "../option.ts";

/** How many messages are shown when not told. */
export const defaultLines = 20;

export const log = {
  name: "log",
  summary: "the messages of all modules",
  description: [
    "Shows the last messages in the log, from the oldest to the newest.",
  ],
  arguments: [{
    name: "text",
    required: false,
    help: "only messages that contain it, whatever its case",
  }],
  options: [
    {
      long: "lines",
      short: "n",
      kind: "integer",
      value: "N",
      help: "show the last N messages",
      default: `${defaultLines}; all with --since or --pass`,
    },
    {
      long: "since",
      kind: "duration",
      value: "DURATION",
      help: "all of the last DURATION, like 2h",
    },
    {
      long: "pass",
      kind: "path",
      value: "ID",
      help: "all of one pass; a message has its id before the text",
    },
    {
      long: "follow",
      short: "f",
      kind: "flag",
      help: "go on with what arrives",
    },
    {
      long: "module",
      kind: "choice",
      value: "MODULE",
      choices: [...moduleNames, "supervisor"],
      help: "only what this module said",
    },
    {
      long: "level",
      kind: "choice",
      value: "LEVEL",
      choices: levels,
      help: "only this level and graver ones",
    },
  ],
  examples: [
    {
      line: "relais log --since 1d --level warning",
      help: "what went wrong today",
    },
    {
      line: "relais log -f --module copy-list",
      help: "watch files arrive",
    },
  ],
} as const satisfies Command;
