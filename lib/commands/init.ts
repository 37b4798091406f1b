/**
 * relais init: a configuration to start from.
 *
 * @module
 */

import {
  command,
  type Declaration,
  type GivenTo,
  type Surroundings,
} from "../cli/command.ts";
import { configPath } from "../config/job.ts";
import type { Role } from "../config/table.ts";
import {
  type ExitStatus,
  exitStatus,
  LocalError,
  UsageError,
} from "../errors.ts";

const declaration = {
  name: "init",
  summary: "a commented configuration to start from",
  description: [
    "Writes a commented configuration to FILE, or to standard output. A file that exists is never overwritten.",
  ],
  arguments: [{
    name: "file",
    kind: "path",
    required: false,
    help:
      "where to write it, as with --config or --job; standard output if not given",
  }],
  options: [
    {
      long: "publisher",
      kind: "flag",
      help: "only the keys for a server that publishes",
      conflicts: "replica",
    },
    {
      long: "replica",
      kind: "flag",
      help: "only the keys for a replica",
    },
  ],
  examples: [
    {
      line: "relais init --replica /etc/relais/relais.toml",
      help: "on a new replica",
    },
    {
      line: "relais init --publisher /etc/relais/relais.toml",
      help: "on a server",
    },
  ],
} as const satisfies Declaration;

type Given = GivenTo<typeof declaration>;

export const init = command(declaration, write);

/** Writes a commented configuration to a file, which must not exist yet, or shows it. */
async function write(
  { publisher, replica, ...given }: Given,
  { output }: Surroundings,
): Promise<ExitStatus> {
  const named = configPath(given);
  if (named !== undefined && given.file !== undefined) {
    throw new UsageError(`Cannot write both ${given.file} and ${named}`, {
      hint: "name one of them",
    });
  }
  const file = given.file ?? named;
  const role: Role | undefined = publisher
    ? "publisher"
    : replica
    ? "replica"
    : undefined;
  // It comes with the whole schema, which nobody else needs in order to start.
  const { sampleConfig } = await import("../config/sample.ts");
  const text = sampleConfig(role);
  if (file === undefined) {
    output.text(text.trimEnd());
    return exitStatus.done;
  }
  try {
    Deno.writeTextFileSync(file, text, {
      createNew: true,
      mode: 0o640,
    });
  } catch (cause) {
    const exists = cause instanceof Deno.errors.AlreadyExists;
    throw new LocalError(
      `Cannot write ${file}: ${
        exists ? "it already exists" : (cause as Error).message
      }`,
      {
        cause,
        hint: exists
          ? "move it away, or choose another FILE"
          : "check that its directory exists and is writable",
      },
    );
  }
  output.note(`Wrote ${file}: edit it, then run "relais check"`);
  return exitStatus.done;
}
