/**
 * The commands that messages recommend. Without the configuration that the command
 * line names, they would be about another one.
 *
 * @module
 */

import { resolve } from "@std/path/posix";
import { jobOf } from "../config/job.ts";
import { defaultPaths } from "../config/load.ts";
import { shellWord } from "../text/shell-word.ts";

/** How a command line names its configuration. */
export interface NamedConfig {
  readonly config?: string | undefined;
  readonly job?: string | undefined;
}

/** A command for this machine: one that is for another machine is followed by a word that says so. */
const recommended =
  /"relais (?!init\b|help\b|publish"|[^"]*--(?:config|job)\b)([^"]*)"(?! there\b| on )/g;

/** Completes the commands that `text` recommends for this machine. */
export function completeCommands(text: string, named: NamedConfig): string {
  const options = optionsFor(named);
  if (options === "") return text;
  return text.replaceAll(
    recommended,
    (_, command: string) => `"relais ${command} ${options}"`,
  );
}

/** Returns the options that lead to a configuration; none for the one that relais finds by itself. */
function optionsFor({ config, job }: NamedConfig): string {
  if (job !== undefined) return `--job ${job}`;
  if (config === undefined || resolve(config) === defaultPaths[0]) return "";
  const named = jobOf(config);
  return named === null ? `--config ${shellWord(config)}` : `--job ${named}`;
}
