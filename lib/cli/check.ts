/**
 * relais check: everything that can be wrong, before it matters.
 *
 * @module
 */

import { statfs } from "node:fs/promises";
import { dirname } from "@std/path/posix";
import type { ReplicaReady } from "../config/config.ts";
import { describe, type ExitStatus, exitStatus } from "../errors.ts";
import type { Probe } from "../protocol.ts";
import { Replica } from "../supervisor/replica.ts";
import { formatBytes } from "../human.ts";
import type { Output } from "./output.ts";

/** One thing that was examined. */
interface Finding {
  readonly what: string;
  readonly ok: boolean;
  readonly told: string;
  readonly status: ExitStatus;
}

/** Examines the configuration's servers and directories, and tells all. Changes nothing. */
export async function check(
  config: ReplicaReady,
  { json }: { readonly json: boolean },
  output: Output,
): Promise<ExitStatus> {
  const { into, state } = config.replica;
  const findings = [
    good("configuration", config.path),
    ...await examineServers(config),
    await examineDirectory("destination", into),
    await examineDirectory("state", state),
    ...config.log.file === ""
      ? []
      : [await examineDirectory("log", dirname(config.log.file))],
  ];
  if (json) output.json(findings);
  else {for (const { what, ok, told } of findings) {
      output.result(`${ok ? "ok" : "FAILED"}  ${what}: ${told}`);
    }}
  return findings.find(({ ok }) => !ok)?.status ?? exitStatus.done;
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
    return {
      what,
      ok: false,
      told: describe(failure),
      status: failure.exitStatus,
    };
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

/** Looks at a directory, or at the nearest one above it that is there. */
async function examineDirectory(what: string, path: string): Promise<Finding> {
  let there = path;
  while (!await isDirectory(there) && there !== "/") there = dirname(there);
  const { bavail, bsize } = await statfs(there);
  const { mode, uid } = await Deno.stat(there);
  const writable = Deno.uid() === 0 || uid === Deno.uid() ||
    ((mode ?? 0) & 0o002) !== 0;
  if (!writable) {
    return {
      what,
      ok: false,
      told: `${there} cannot be written by this user`,
      status: exitStatus.local,
    };
  }
  const made = there === path ? "" : " (will be made)";
  return good(what, `${path}${made}, ${formatBytes(bavail * bsize)} free`);
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch {
    // Missing, or out of reach: the one above it is looked at.
    return false;
  }
}

function good(what: string, told: string): Finding {
  return { what, ok: true, told, status: exitStatus.done };
}
