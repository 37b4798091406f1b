/**
 * relais publish.
 *
 * @module
 */

import { type PublishReady, requirePublish } from "../config/load.ts";
import {
  describe,
  type ExitStatus,
  exitStatus,
  RelaisError,
} from "../errors.ts";
import type { PublishReport } from "../protocol.ts";
import { SourceWatch } from "../publish/watch.ts";
import { Publishing } from "../supervisor/publishing.ts";
import { Signals } from "../supervisor/signals.ts";
import { tellNotFiles } from "../list/not-files.ts";
import { formatBytes, formatSeconds } from "../human.ts";
import type { Output } from "./output.ts";
import { type Job, serve } from "./service.ts";

interface PublishArguments {
  readonly once: boolean;
  /** Whether changes of the sources are followed between the scans. */
  readonly watch: boolean;
  readonly acceptShrink: boolean;
  readonly verify: boolean;
  readonly json: boolean;
}

/** Publishes once, or regularly until a signal ends it. */
export async function publish(
  config: PublishReady,
  args: PublishArguments,
  output: Output,
): Promise<ExitStatus> {
  const begin = (config: PublishReady) =>
    new Publishing(config, {
      dryRun: false,
      loop: !args.once,
      stderr: output.verbose ? "debug" : output.journal ? "info" : null,
      journal: output.journal,
    });
  if (args.once) return await publishOnce(begin(config), args, output);
  return await serve(config, {
    require: requirePublish,
    begin: (config) =>
      Promise.resolve(
        args.watch
          ? watching(config, begin(config), args, output)
          : runs(begin(config), args, output),
      ),
  }, output);
}

async function publishOnce(
  publishing: Publishing,
  { acceptShrink, verify, json }: PublishArguments,
  output: Output,
): Promise<ExitStatus> {
  using signals = new Signals();
  await using _ = publishing;
  const report = await publishing.run(
    { acceptShrink, verify },
    signals.signal,
  );
  tell(report, json, output);
  const { failed } = report;
  return signals.exitStatus ??
    (failed.length > 0 ? exitStatus.incomplete : exitStatus.done);
}

/** The job of the loop, which may be asked to look at some sources only. */
interface Runs extends Job {
  run(signal: AbortSignal, only?: readonly string[]): Promise<string>;
  /** Whether the last run came to its end. */
  readonly hasEnded: boolean;
}

/** The job of the loop: one run after the other. */
function runs(
  publishing: Publishing,
  { json }: PublishArguments,
  output: Output,
): Runs {
  let hasEnded = false;
  return {
    get hasEnded() {
      return hasEnded;
    },
    log: publishing.log,
    get answers() {
      return publishing.answers;
    },
    async run(signal, only) {
      hasEnded = false;
      try {
        const request = { acceptShrink: false, verify: false };
        const report = await publishing.run({ ...request, only }, signal);
        hasEnded = report.failed.length === 0;
        tell(report, json, output);
        return summary(report);
      } catch (error) {
        // Whatever stands in the way now may be gone at the next run.
        if (!(error instanceof RelaisError)) throw error;
        output.error(describe(error));
        return describe(error);
      }
    },
    [Symbol.asyncDispose]: () => publishing[Symbol.asyncDispose](),
  };
}

/** The same, and a run as soon as a source has changed. */
function watching(
  config: PublishReady,
  publishing: Publishing,
  args: PublishArguments,
  output: Output,
): Job {
  const job = runs(publishing, args, output);
  let trouble = "";
  /** When all sources were last scanned. */
  let scanned = -Infinity;
  const watch = new SourceWatch(config.publish, (why) => {
    trouble = why;
    output.note(
      `Cannot watch ${config.publish.base}: ${why}; changes are found every schedule.every. Where there are many directories, raise fs.inotify.max_user_watches`,
    );
  });
  return {
    ...job,
    get answers() {
      return job.answers;
    },
    async run(signal) {
      // Before the scan: what changes after it has come by is told.
      watch.begin();
      const now = performance.now();
      const isDue = now - scanned >= config.schedule.everyMs;
      const changes = watch.take();
      const only = isDue ? undefined : changes;
      if (only === undefined) scanned = now;
      try {
        return await job.run(signal, only);
      } finally {
        if (!job.hasEnded) watch.giveUp();
        // The log module is at work from the first run on.
        if (trouble !== "") {
          job.log.warning(`changes are not noticed: ${trouble}`);
        }
        trouble = "";
      }
    },
    listen: (wake) => watch.listen(wake),
    async [Symbol.asyncDispose]() {
      watch[Symbol.dispose]();
      await job[Symbol.asyncDispose]();
    },
  };
}

function tell(report: PublishReport, json: boolean, output: Output): void {
  if (json) output.json(report);
  for (const { path, error } of report.failed) {
    output.error(`skipped ${path}: ${error}`);
  }
  if (json || output.quiet) return;
  output.result(summary(report));
}

/** The run in one sentence. */
function summary(
  { published, withdrawn, unchanged, not_files, bytes, seconds }: PublishReport,
): string {
  const what = [
    `${published} files published (${formatBytes(bytes)})`,
    ...[`${withdrawn} withdrawn`, `${unchanged} unchanged`],
    tellNotFiles(not_files),
  ].filter((text) => text !== "");
  return `${what.join(", ")}, in ${formatSeconds(seconds)}.`;
}
