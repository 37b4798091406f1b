/**
 * The declaration of `relais init`.
 *
 * @module
 */

import type { Command } from "../option.ts";

export const init = {
  name: "init",
  summary: "a commented configuration to start from",
  description: [
    "Writes a commented configuration to FILE, or to standard output. A file that exists is never overwritten.",
  ],
  arguments: [{
    name: "file",
    kind: "path",
    required: false,
    help: "where to write it; standard output if not given",
  }],
  options: [
    {
      long: "publisher",
      kind: "flag",
      help: "only what a server needs that publishes",
      conflicts: "replica",
    },
    {
      long: "replica",
      kind: "flag",
      help: "only what a replica needs",
    },
  ],
  examples: [
    {
      line: "relais init --replica /etc/relais/relais.toml",
      help: "on a new replica",
    },
    {
      line: "relais init --publisher /etc/relais/relais.toml",
      help: "on a server",
    },
  ],
} as const satisfies Command;
