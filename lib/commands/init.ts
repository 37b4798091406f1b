/**
 * relais init: a configuration to start from.
 *
 * @module
 */

import { dirname } from "@std/path/posix";
import {
  command,
  type Declaration,
  type GivenTo,
  type Surroundings,
} from "../cli/command.ts";
import { isDirectory } from "../files/if-there.ts";
import { completeCommands } from "../cli/recommended.ts";
import { configPath } from "../config/job.ts";
import type { Role } from "../config/table.ts";
import {
  type ExitStatus,
  exitStatus,
  LocalError,
  UsageError,
} from "../errors.ts";
import { shellWord } from "../text/shell-word.ts";
import { systemReason } from "../text/system-reason.ts";

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
    throw cannotWrite(file, cause as Error);
  }
  output.note(
    completeCommands(`Wrote ${file}: edit it, then run "relais check"`, {
      config: file,
    }),
  );
  return exitStatus.done;
}

function cannotWrite(file: string, cause: Error): LocalError {
  const { AlreadyExists, NotFound, PermissionDenied } = Deno.errors;
  const directory = dirname(file);
  const [reason, hint] = isDirectory(file)
    ? ["it is a directory", "name a file in it"]
    : cause instanceof AlreadyExists
    ? ["it already exists", "edit it, or move it away"]
    : cause instanceof NotFound
    ? [`there is no directory ${directory}`, `mkdir -p ${shellWord(directory)}`]
    : cause instanceof PermissionDenied
    ? ["permission denied", "run it as root, or choose another FILE"]
    : [systemReason(cause), `check the disk of ${directory}`];
  return new LocalError(`Cannot write ${file}: ${reason}`, { cause, hint });
}
