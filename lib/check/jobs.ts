/**
 * Examination of the jobs of one machine: do two of them share a path?
 *
 * @module
 */

import { basename } from "@std/path/posix";
import type { Config } from "../config/config.ts";
import { allJobs, configOfJob, isJobPath } from "../config/job.ts";
import { loadConfig } from "../config/load.ts";
import { exitStatus, RelaisError } from "../errors.ts";
import { bad, type Finding } from "./finding.ts";

/** Looks at all other jobs for what only one can have. */
export async function examineJobs(config: Config): Promise<Finding[]> {
  if (!isJobPath(config.path)) return [];
  const own = basename(config.path, ".toml");
  const findings = [];
  for (const name of allJobs().filter((name) => name !== own)) {
    const other = await loadOther(configOfJob(name));
    for (const shared of other === undefined ? [] : shares(config, other)) {
      findings.push(
        bad(
          "jobs",
          `${shared} of job ${name}; choose another path`,
          exitStatus.usage,
        ),
      );
    }
  }
  return findings;
}

/** What is wrong with another job, its own check tells. */
async function loadOther(path: string): Promise<Config | undefined> {
  try {
    return await loadConfig(path);
  } catch (error) {
    if (error instanceof RelaisError) return undefined;
    throw error;
  }
}

/** Something that a job fills, and its key. */
type Place = readonly [key: string, path: string];

/** Yields what `own` has and `other` has as well. */
function* shares(own: Config, other: Config): Generator<string> {
  for (const [key, path] of filesOf(own)) {
    for (const [otherKey, file] of filesOf(other)) {
      if (path === file) yield `${key} ${path} is also ${otherKey}`;
    }
  }
  for (const [key, path] of treesOf(own)) {
    for (const [otherKey, tree] of treesOf(other)) {
      if (path === tree) yield `${key} ${path} is also ${otherKey}`;
      else if (contains(path, tree) || contains(tree, path)) {
        yield `${key} ${path} overlaps ${tree}, which is ${otherKey}`;
      }
    }
  }
}

/** What nobody else may use; the state of one job may lie below that of another. */
function filesOf({ replica, log, stat }: Config): Place[] {
  const places: Place[] = [
    ["replica.state", replica?.state ?? ""],
    ["log.file", log.file],
    ["stat.prometheus", stat.prometheus],
  ];
  return places.filter(([, path]) => path !== "");
}

/** What nobody else may lie in. */
function treesOf({ replica, publish }: Config): Place[] {
  const places: Place[] = [
    ["replica.into", replica?.into ?? ""],
    ["publish.into", publish?.into ?? ""],
  ];
  return places.filter(([, path]) => path !== "");
}

function contains(outer: string, inner: string): boolean {
  return inner.startsWith(`${outer}/`);
}
