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
  options: [],
  examples: [{
    line: "relais init /etc/relais/relais.toml",
    help: "on a new replica",
  }],
} as const satisfies Command;
