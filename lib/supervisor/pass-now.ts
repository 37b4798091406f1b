/**
 * A pass that another command needs to do its work.
 *
 * @module
 */

import type { ReplicaReady } from "../config/config.ts";
import { describe, type ExitStatus, LockedError } from "../errors.ts";
import { Replica } from "./replica.ts";
import { Signals } from "./signals.ts";
import type { Output } from "../cli/output.ts";

/**
 * Runs a pass and tells only what goes wrong. Where another relais is at work,
 * its next pass does the same, and `whenLocked` is told. Returns the exit status
 * that goes with the signal that stopped it; `undefined` if none did.
 */
export async function passNow(
  config: ReplicaReady,
  output: Output,
  whenLocked: string,
): Promise<ExitStatus | undefined> {
  using signals = new Signals();
  try {
    await using replica = await Replica.open(config, {
      dryRun: false,
      stderr: null,
      journal: output.journal,
    });
    const { failures, report } = await replica.pass(signals.signal);
    for (const failure of failures) output.error(describe(failure));
    for (const { error } of report.failed) output.error(error);
  } catch (error) {
    if (!(error instanceof LockedError)) throw error;
    output.note(whenLocked);
  }
  return signals.exitStatus;
}
