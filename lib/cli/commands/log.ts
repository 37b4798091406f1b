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
  arguments: [],
  options: [
    {
      long: "lines",
      short: "n",
      kind: "integer",
      value: "N",
      help: "show the last N messages",
      default: `${defaultLines}`,
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
      line: "relais log -f --module copy-list",
      help: "watch files arrive",
    },
  ],
} as const satisfies Command;
