/**
 * relais completions: what teaches a shell to complete the command line, from
 * the table of commands.
 *
 * @module
 */

import type { shells } from "./commands/completions.ts";
import { bashCompletion } from "./completion/bash.ts";
import { fishCompletion } from "./completion/fish.ts";
import { zshCompletion } from "./completion/zsh.ts";

const scripts = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
} satisfies Record<typeof shells[number], () => string>;

/** Returns the script for a shell. */
export function completions(shell: keyof typeof scripts): string {
  return scripts[shell]();
}
