/**
 * The declaration of `relais demo`.
 *
 * @module
 */

import type { Command } from "../option.ts";

export const demo = {
  name: "demo",
  summary: "the whole story in one temporary folder",
  description: [
    "Plays the whole story on two embedded servers: files are published and copied, production fails, its backup steps in, production comes back. Needs no configuration and touches nothing but one temporary folder.",
  ],
  arguments: [],
  options: [
    { long: "keep", kind: "flag", help: "keep the temporary folder" },
  ],
  examples: [],
} as const satisfies Command;
