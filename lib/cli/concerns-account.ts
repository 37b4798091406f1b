/**
 * Which commands of root's may have to run as another account.
 *
 * @module
 */

import type { Invocation } from "./parse.ts";

/** Those that write the state, the copy or the export, or examine what the service can do. Others only read. */
const commands: readonly Invocation["command"][] = [
  ...["run", "publish", "check", "resolve", "verify"] as const,
];

/** Tells a command that it runs in another one's place, so that it looks for no other. */
export const mark = "RELAIS_ACCOUNT";

/** Whether a command may have to run as another account. */
export function concernsAccount(invocation: Invocation): boolean {
  const { command } = invocation;
  // A script is only printed.
  if (command === "publish" && invocation.options["print-sh"]) return false;
  return Deno.uid() === 0 && commands.includes(command) &&
    Deno.env.get(mark) === undefined;
}
