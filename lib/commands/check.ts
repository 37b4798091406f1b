/**
 * relais check: tells what is wrong before it matters.
 *
 * @module
 */

import { findingLine } from "../check/finding.ts";
import {
  command,
  type Declaration,
  type GivenTo,
  type Surroundings,
} from "../cli/command.ts";
import { requireWork } from "../config/load.ts";
import { type ExitStatus, exitStatus } from "../errors.ts";

const declaration = {
  name: "check",
  summary: "examine configuration, servers, sources, directories, space",
  description: [
    "Examines the configuration, each server (name, connection, host key, login, list; and which way it was reached, with which host key and cipher), the destination and its free space, and the programs of hooks, and reports every problem. When root runs it, it runs as the owner of the state or of the copy. It changes nothing; systemd makes the same directories as for the service.",
    "On a server that publishes: whether this account may read each source, whether each glob matches a file, the export and its free space, and which directory can be ChrootDirectory of sshd.",
  ],
  arguments: [],
  options: [],
  examples: [
    {
      line: "relais check --config ./relais.toml",
      help: "before a configuration is used",
    },
  ],
} as const satisfies Declaration;

type Given = GivenTo<typeof declaration>;

export const check = command(declaration, tell, () => true);

/** Examines all that is configured, and tells all. Changes nothing. */
async function tell(
  { json }: Given,
  { output, load }: Surroundings,
): Promise<ExitStatus> {
  // No other command needs SSH in this thread.
  const { examine } = await import("../check/examine.ts");
  const findings = await examine(requireWork(await load()));
  if (json) output.json(findings);
  else for (const finding of findings) output.result(findingLine(finding));
  return findings.find(({ ok }) => !ok)?.status ?? exitStatus.done;
}
