/**
 * relais stat: the figures of each module, and the history.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import { type ExitStatus, exitStatus, LocalError } from "../errors.ts";
import type { Step } from "../history/step.ts";
import { moduleNames } from "../protocol.ts";
import { figuresOf } from "../stats/figures.ts";
import { ownDirectoryOf } from "../publish/own-directory.ts";
import {
  readSnapshot,
  type Snapshot,
  snapshotPath,
} from "../stats/snapshot.ts";
import { history } from "./history.ts";
import type { Output } from "./output.ts";

export interface StatArguments {
  readonly json: boolean;
  readonly csv: boolean;
  /** Milliseconds. */
  readonly since: number | undefined;
  readonly by: Step | undefined;
}

/** Shows the figures as they were written last, at most a second ago while relais works; with `since` the history. */
export async function stat(
  config: Config,
  { json, csv, since, by }: StatArguments,
  output: Output,
): Promise<ExitStatus> {
  const { replica, publish } = config;
  const own = publish && ownDirectoryOf(publish);
  if (since !== undefined) {
    const past = { state: replica?.state ?? own!, publishes: replica === null };
    history(past, { json, csv, since, by }, output);
    return exitStatus.done;
  }
  const snapshot = await readFigures(replica?.state ?? own!);
  // On a machine that is both, each has written its own.
  const beside = replica && own ? await readFigures(own) : undefined;
  show(withPublish(snapshot, beside), json, output);
  return exitStatus.done;
}

async function readFigures(directory: string): Promise<Snapshot | undefined> {
  const { snapshot, problem } = await readSnapshot(snapshotPath(directory));
  if (problem === undefined) return snapshot;
  throw new LocalError(problem, { hint: "the next pass writes it anew" });
}

function withPublish(
  replica: Snapshot | undefined,
  publisher: Snapshot | undefined,
): Snapshot | undefined {
  if (replica === undefined || publisher === undefined) {
    return replica ?? publisher;
  }
  const { publish } = publisher.modules;
  return { ...replica, modules: { ...replica.modules, publish } };
}

function show(
  snapshot: Snapshot | undefined,
  json: boolean,
  output: Output,
): void {
  if (json) output.json(snapshot ?? null);
  else if (snapshot === undefined) {
    output.result("No figures yet: nothing has been run.");
  } else {
    for (const module of moduleNames) {
      output.result(module);
      for (const [name, { help }] of figuresOf(module)) {
        const value = String(snapshot.modules[module][name] ?? 0);
        output.result(`  ${name.padEnd(20)} ${value.padStart(16)}  ${help}`);
      }
    }
  }
}
