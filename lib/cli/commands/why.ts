/**
 * The declaration of `relais why`.
 *
 * @module
 */

import type { Command } from "../option.ts";

export const why = {
  name: "why",
  summary: "why a file is here, is not, or waits",
  description: [
    "Says what is on the replica under a path and where it came from, what each server names there and how it stands to that, and why the active server is the active one. Reads the state alone, and no server.",
    "Exits with 0 if the file is here as the active server has it, with 1 if not.",
  ],
  arguments: [{
    name: "path",
    required: true,
    help: "the file, below replica.into",
  }],
  options: [],
  examples: [
    { line: "relais why stock/2026-11.csv", help: "somebody misses it" },
  ],
} as const satisfies Command;
