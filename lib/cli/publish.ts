/**
 * relais publish.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import type { Config, PublishConfig } from "../config/config.ts";
import {
  describe,
  type ExitStatus,
  exitStatus,
  RelaisError,
} from "../errors.ts";
import type { PublishReport } from "../protocol.ts";
import { Publishing } from "../supervisor/publishing.ts";
import { Signals } from "../supervisor/signals.ts";
import { formatBytes, formatSeconds } from "./human.ts";
import type { Output } from "./output.ts";

/** Publishes once, or regularly until a signal ends it. */
export async function publish(
  config: Config & { publish: PublishConfig },
  { once, json }: { readonly once: boolean; readonly json: boolean },
  output: Output,
): Promise<ExitStatus> {
  using signals = new Signals();
  await using publishing = new Publishing(config, {
    dryRun: false,
    stderr: output.verbose ? "debug" : output.journal ? "info" : null,
    journal: output.journal,
  });
  for (;;) {
    const status = await publishOnce(publishing, json, output, once);
    if (once) return signals.exitStatus ?? status;
    // An interrupted pause is how a signal ends the loop.
    await delay(config.schedule.everyMs, { signal: signals.signal }).catch(
      () => {},
    );
    if (signals.exitStatus !== undefined) return signals.exitStatus;
  }
}

async function publishOnce(
  publishing: Publishing,
  json: boolean,
  output: Output,
  once: boolean,
): Promise<ExitStatus> {
  try {
    const report = await publishing.run();
    tell(report, json, output);
    return report.failed.length > 0 ? exitStatus.incomplete : exitStatus.done;
  } catch (error) {
    if (once || !(error instanceof RelaisError)) throw error;
    output.error(describe(error));
    return error.exitStatus;
  }
}

function tell(report: PublishReport, json: boolean, output: Output): void {
  if (json) output.json(report);
  for (const { path, error } of report.failed) {
    output.error(`skipped ${path}: ${error}`);
  }
  if (json || output.quiet) return;
  const { published, withdrawn, unchanged, bytes, seconds } = report;
  output.result(
    `${published} files published (${
      formatBytes(bytes)
    }), ${withdrawn} withdrawn, ${unchanged} unchanged, in ${
      formatSeconds(seconds)
    }.`,
  );
}
