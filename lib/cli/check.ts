/**
 * relais check: everything that can be wrong, before it matters.
 *
 * @module
 */

import { basename, dirname } from "@std/path/posix";
import type { Config, ReplicaReady } from "../config/config.ts";
import type { PublishReady } from "../config/load.ts";
import { type ExitStatus, exitStatus } from "../errors.ts";
import { examineDirectory } from "./check/directory.ts";
import { examineConfig } from "./check/files.ts";
import { findingLine } from "./check/finding.ts";
import { examineHooks } from "./check/hooks.ts";
import { examineJobs } from "./check/jobs.ts";
import { examinePublisher } from "./check/publisher.ts";
import { examineReplica } from "./check/replica.ts";
import type { Output } from "./output.ts";

/** Examines all that is configured, and tells all. Changes nothing. */
export async function check(
  config: Config,
  { json }: { readonly json: boolean },
  output: Output,
): Promise<ExitStatus> {
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
