/**
 * All that `relais check` examines: everything that can be wrong, before it
 * matters.
 *
 * @module
 */

import { basename, dirname } from "@std/path/posix";
import type { Config, ReplicaReady } from "../config/config.ts";
import type { PublishReady } from "../config/load.ts";
import { examineDirectory } from "./directory.ts";
import { examineConfig } from "./files.ts";
import type { Finding } from "./finding.ts";
import { examineHooks } from "./hooks.ts";
import { examineJobs } from "./jobs.ts";
import { examinePublisher } from "./publisher.ts";
import { examineReplica } from "./replica.ts";

/** Examines all that is configured. Changes nothing. */
export async function examine(config: Config): Promise<readonly Finding[]> {
  const { replica, publish, log, stat, hooks, path } = config;
  const cache = Deno.env.get("CACHE_DIRECTORY");
  return [
    examineConfig(path),
    ...await examineJobs(config),
    ...replica === null ? [] : await examineReplica(config as ReplicaReady),
    ...publish === null ? [] : examinePublisher(config as PublishReady),
    ...log.file === "" ? [] : [
      examineDirectory("log", dirname(log.file), {
        ours: basename(log.file),
        fileOf: "log.file",
      }),
    ],
    ...stat.prometheus === "" ? [] : [
      examineDirectory("figures", dirname(stat.prometheus), {
        ours: basename(stat.prometheus),
        fileOf: "stat.prometheus",
        isShared: true,
      }),
    ],
    // Where an executable that unpacks itself has unpacked.
    ...cache === undefined ? [] : [examineDirectory("cache", cache)],
    ...examineHooks(hooks, config.cluster !== null),
  ];
}
