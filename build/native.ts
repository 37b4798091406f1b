/**
 * An executable made by `deno compile`.
 *
 * @module
 */

import { entryFile } from "./bundle.ts";
import { plainFlags, runFlags } from "./flags.ts";
import type { Target } from "./targets.ts";

/** What deno says when it cannot have `denort`, the runtime without the tools. */
const noBase = /Setting up base binary/;

/**
 * Writes an executable of the bundle to `output`, which must not exist, and tells what it embeds.
 * Returns why not, if there is no `denort` to be had.
 *
 * @throws {Error} If anything else is wrong.
 */
export async function writeNative(
  output: string,
  { bundle, target }: { readonly bundle: string; readonly target: Target },
  tell: (text: string) => void,
): Promise<string | undefined> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["compile", ...plainFlags, ...runFlags, "--target", target.name],
      ...["--include", bundle, "--output", output],
      `${bundle}/${entryFile}`,
    ],
  }).output();
  const said = new TextDecoder().decode(stderr);
  if (success) {
    tell(said.trimEnd());
    return undefined;
  }
  if (noBase.test(said)) return "as deno compile has no denort here";
  throw new Error(`deno compile says ${said}`);
}
