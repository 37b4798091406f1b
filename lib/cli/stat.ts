/**
 * relais stat: the figures of each module.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import { type ExitStatus, exitStatus, LocalError } from "../errors.ts";
import { moduleNames } from "../protocol.ts";
import { figuresOf } from "../stats/figures.ts";
import { readSnapshot, snapshotPath } from "../stats/snapshot.ts";
import type { Output } from "./output.ts";

/** Shows the figures as they were written last, at most a second ago while relais works. */
export async function stat(
  config: Config,
  { json }: { readonly json: boolean },
  output: Output,
): Promise<ExitStatus> {
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
