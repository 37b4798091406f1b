/**
 * Which commands of root's may have to run as another account.
 *
 * @module
 */

import type { Invocation } from "./parse.ts";

/** Those that write the state or the copy, or examine what the service can do. Others only read. */
const commands: readonly Invocation["command"][] = [
  ...["run", "check", "resolve", "verify"] as const,
];

/** Tells a command that it runs in another one's place, so that it looks for no other. */
export const mark = "RELAIS_ACCOUNT";

/** Whether a command may have to run as another account. */
export function concernsAccount({ command }: Invocation): boolean {
  return Deno.uid() === 0 && commands.includes(command) &&
    Deno.env.get(mark) === undefined;
}
