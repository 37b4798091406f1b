/**
 * relais check: everything that can be wrong, before it matters.
 *
 * @module
 */

import { dirname } from "@std/path/posix";
import type { Config, ReplicaReady } from "../config/config.ts";
import type { PublishReady } from "../config/load.ts";
import { describe, type ExitStatus, exitStatus } from "../errors.ts";
import type { Probe } from "../protocol.ts";
import { Replica } from "../supervisor/replica.ts";
import { formatBytes } from "../human.ts";
import { examineDirectory } from "./check/directory.ts";
import { bad, type Finding, findingLine, good } from "./check/finding.ts";
import { examinePublisher } from "./check/publisher.ts";
import type { Output } from "./output.ts";

/** Examines all that is configured, and tells all. Changes nothing. */
export async function check(
  config: Config,
  { json }: { readonly json: boolean },
  output: Output,
): Promise<ExitStatus> {
  const { replica, publish, log, path } = config;
  const findings = [
    good("configuration", path),
    ...replica === null ? [] : await examineReplica(config as ReplicaReady),
    ...publish === null ? [] : await examinePublisher(config as PublishReady),
    ...log.file === ""
      ? []
      : [await examineDirectory("log", dirname(log.file))],
  ];
  if (json) output.json(findings);
  else for (const finding of findings) output.result(findingLine(finding));
  return findings.find(({ ok }) => !ok)?.status ?? exitStatus.done;
}

async function examineReplica(config: ReplicaReady): Promise<Finding[]> {
  const { into, state } = config.replica;
  return [
    ...await examineServers(config),
    await examineDirectory("destination", into),
    await examineDirectory("state", state),
  ];
}

async function examineServers(config: ReplicaReady): Promise<Finding[]> {
  await using replica = await Replica.open(config, {
    dryRun: true,
    stderr: null,
    journal: false,
  });
  return (await replica.examine()).map(toFinding);
}

function toFinding(
  { server, verdict, failure, list, milliseconds }: Probe,
): Finding {
  const what = `server ${server}`;
  if (failure !== null) {
    return bad(what, describe(failure), failure.exitStatus);
  }
  if (list === null) {
    return good(
      what,
      `${verdict} in ${milliseconds} ms, no list: its tree will be walked`,
    );
  }
  const { generation, size, mtime } = list;
  const written = mtime === 0
    ? "date not told"
    : `last written ${new Date(mtime * 1_000).toISOString()}`;
  return good(
    what,
    `${verdict} in ${milliseconds} ms, list ${generation}, ${
      formatBytes(size)
    }, ${written}`,
  );
}
