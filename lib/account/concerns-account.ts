/**
 * Which commands of root's may have to run as another account.
 *
 * @module
 */

import type { Invocation } from "../cli/parse.ts";

/** Tells a command that it runs in another one's place, so that it looks for no other. */
export const mark = "RELAIS_ACCOUNT";

/** Tells whether a command may have to run as another account. */
export function concernsAccount({ command, given }: Invocation): boolean {
  return Deno.uid() === 0 && Deno.env.get(mark) === undefined &&
    command.belongsToAccount(given);
}
