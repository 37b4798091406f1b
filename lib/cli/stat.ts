/**
 * relais stat: the figures of each module, and the history.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import { requireReplica } from "../config/load.ts";
import { type ExitStatus, exitStatus, LocalError } from "../errors.ts";
import type { Step } from "../history/step.ts";
import { moduleNames } from "../protocol.ts";
import { figuresOf } from "../stats/figures.ts";
import { readSnapshot, snapshotPath } from "../stats/snapshot.ts";
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
  if (since !== undefined) {
    history(requireReplica(config), { json, csv, since, by }, output);
    return exitStatus.done;
  }
  const directory = config.replica?.state ?? `${config.publish!.into}/.relais`;
  const { snapshot, problem } = await readSnapshot(snapshotPath(directory));
  if (problem !== undefined) {
    throw new LocalError(problem, { hint: "the next pass writes it anew" });
  }
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
  return exitStatus.done;
}
