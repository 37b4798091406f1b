/**
 * relais demo: the whole story, on two embedded servers, in one temporary
 * folder.
 *
 * @module
 */

import {
  command,
  type Declaration,
  type GivenTo,
  type Surroundings,
} from "../cli/command.ts";
import { parseCommandLine } from "../cli/parse.ts";
import { loadConfig } from "../config/load.ts";
import type { ExitStatus } from "../errors.ts";

const declaration = {
  name: "demo",
  summary: "the whole story in one temporary folder",
  description: [
    "Plays the whole story on two embedded servers: files are published and copied, production fails, its backup steps in, production comes back. It needs no configuration, and writes to one temporary folder only.",
  ],
  arguments: [],
  options: [
    { long: "keep", kind: "flag", help: "keep the temporary folder" },
  ],
  examples: [],
} as const satisfies Declaration;

type Given = GivenTo<typeof declaration>;

export const demo = command(declaration, tell);

/** Plays the story. With `keep` its folder stays. */
async function tell(
  { keep }: Given,
  { output, allCommands }: Surroundings,
): Promise<ExitStatus> {
  // No other command needs the embedded servers.
  const { play } = await import("../demo/story.ts");
  const folder = await Deno.makeTempDir({ prefix: "relais-demo-" });
  const show = async (path: string) => {
    const { command, given } = parseCommandLine(
      ["status"],
      await allCommands(),
    );
    const load = () => loadConfig(path);
    await command.run(given, { output, allCommands, load });
  };
  try {
    return await play(folder, output, show);
  } finally {
    if (keep) output.text(`\nEverything is still in ${folder}.`);
    else await Deno.remove(folder, { recursive: true });
  }
}
