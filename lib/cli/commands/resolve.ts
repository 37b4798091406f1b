/**
 * The declaration of `relais resolve`.
 *
 * @module
 */

import type { Command } from "../option.ts";

export const resolve = {
  name: "resolve",
  summary: "decide which server has the newer version of a file",
  description: [
    "Ends a conflict: two servers have different versions of a file, and neither their lists nor their dates tell which is newer. What is here stays until then, and every pass exits with 5. relais why PATH shows both versions.",
    "The version of SERVER counts as the newer one from now on, and a pass takes it. If it is the one that is here already, it stays.",
  ],
  arguments: [{
    name: "path",
    required: true,
    help: "the file, below replica.into",
  }],
  options: [{
    long: "from",
    kind: "server",
    value: "SERVER",
    help: "the server that has the newer version",
  }],
  examples: [{
    line: "relais resolve stock/2026-11.csv --from production",
    help: "take what production has",
  }],
} as const satisfies Command;
