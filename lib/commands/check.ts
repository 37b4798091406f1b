/**
 * relais check: everything that can be wrong, before it matters.
 *
 * @module
 */

import { basename, dirname } from "@std/path/posix";
import { examineDirectory } from "../check/directory.ts";
import { examineConfig } from "../check/files.ts";
import { findingLine } from "../check/finding.ts";
import { examineHooks } from "../check/hooks.ts";
import { examineJobs } from "../check/jobs.ts";
import { examinePublisher } from "../check/publisher.ts";
import { examineReplica } from "../check/replica.ts";
import {
  command,
  type Declaration,
  type GivenTo,
  type Surroundings,
} from "../cli/command.ts";
import type { ReplicaReady } from "../config/config.ts";
import { type PublishReady, requireWork } from "../config/load.ts";
import { type ExitStatus, exitStatus } from "../errors.ts";

const declaration = {
  name: "check",
  summary: "examine configuration, servers, sources, directories, space",
  description: [
    "Examines the configuration, each server (name, connection, host key, login, list), the destination and its free space, the programs of hooks, and tells all of it: as the account that the state or the copy belongs to, where root types it. Changes nothing; systemd makes the directories that it makes for the service.",
    "On a server that publishes: whether this account may read each source, whether each glob matches anything, the export and its free space, and which directory sshd can confine readers to.",
  ],
  arguments: [],
  options: [],
  examples: [
    {
      line: "relais check --config ./relais.toml",
      help: "before a configuration is put to use",
    },
  ],
} as const satisfies Declaration;

/** What it is given. */
type Given = GivenTo<typeof declaration>;

export const check = command(declaration, examine, () => true);

/** Examines all that is configured, and tells all. Changes nothing. */
async function examine(
  { json }: Given,
  { output, load }: Surroundings,
): Promise<ExitStatus> {
  const config = requireWork(await load());
  const { replica, publish, log, stat, hooks, path } = config;
  const cache = Deno.env.get("CACHE_DIRECTORY");
  const findings = [
    examineConfig(path),
    ...await examineJobs(config),
    ...replica === null ? [] : await examineReplica(config as ReplicaReady),
    ...publish === null ? [] : await examinePublisher(config as PublishReady),
    ...log.file === ""
      ? []
      : [await examineDirectory("log", dirname(log.file), basename(log.file))],
    ...stat.prometheus === "" ? [] : [
      await examineDirectory(
        "figures",
        dirname(stat.prometheus),
        basename(stat.prometheus),
      ),
    ],
    // Where an executable that unpacks itself has unpacked.
    ...cache === undefined ? [] : [await examineDirectory("cache", cache)],
    ...examineHooks(hooks),
  ];
  if (json) output.json(findings);
  else for (const finding of findings) output.result(findingLine(finding));
  return findings.find(({ ok }) => !ok)?.status ?? exitStatus.done;
}
