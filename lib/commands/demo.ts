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
import { type ExitStatus, StoppedError } from "../errors.ts";

const declaration = {
  name: "demo",
  summary: "the whole story in one temporary folder",
  description: [
    "Plays the whole story on two embedded servers: files are published and copied, production fails, its backup steps in, production comes back. It needs no configuration, and writes to one temporary folder only.",
    "With --cluster, the story of three nodes that keep one copy together, one of which is killed while it copies. For that one, PostgreSQL must be installed; relais starts one of its own in the temporary folder.",
  ],
  arguments: [],
  options: [
    {
      long: "cluster",
      kind: "flag",
      help: "the story of three nodes that share one copy; needs PostgreSQL",
    },
    { long: "keep", kind: "flag", help: "keep the temporary folder" },
  ],
  examples: [],
} as const satisfies Declaration;

type Given = GivenTo<typeof declaration>;

export const demo = command(declaration, tell);

/** Plays a story. With `keep` its folder stays. */
async function tell(
  { cluster, keep }: Given,
  surroundings: Surroundings,
): Promise<ExitStatus> {
  const { output } = surroundings;
  const folder = await Deno.makeTempDir({ prefix: "relais-demo-" });
  try {
    return await (cluster ? tellOfCluster : tellOfServers)(
      folder,
      surroundings,
    );
  } finally {
    if (keep) output.text(`\nEverything is still in ${folder}.`);
    else await Deno.remove(folder, { recursive: true });
  }
}

async function tellOfServers(
  folder: string,
  surroundings: Surroundings,
): Promise<ExitStatus> {
  // No other command needs the embedded servers.
  const { play } = await import("../demo/story.ts");
  return await play(folder, surroundings.output, showing(surroundings));
}

async function tellOfCluster(
  folder: string,
  surroundings: Surroundings,
): Promise<ExitStatus> {
  const { output } = surroundings;
  const { playCluster } = await import("../demo/cluster-story.ts");
  const { Signals } = await import("../supervisor/signals.ts");
  // A database has to end, and thousands of files have to go.
  using signals = new Signals({ patienceMs: 60_000 });
  try {
    const show = showing(surroundings);
    return await playCluster(folder, output, show, signals.signal);
  } catch (error) {
    // Its processes have ended with it.
    if (error instanceof StoppedError && signals.exitStatus !== undefined) {
      return signals.exitStatus;
    }
    throw error;
  }
}

/** Tells how things stand with the replica of a configuration. */
function showing({ output, allCommands }: Surroundings) {
  return async (path: string): Promise<void> => {
    const { command, given } = parseCommandLine(
      ["status"],
      await allCommands(),
    );
    const load = () => loadConfig(path);
    await command.run(given, { output, allCommands, load });
  };
}
