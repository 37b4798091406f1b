/**
 * relais publish.
 *
 * @module
 */

import {
  command,
  type Declaration,
  type GivenTo,
  type Surroundings,
} from "../cli/command.ts";
import type { Output } from "../cli/output.ts";
import { type PublishReady, requirePublish } from "../config/load.ts";
import {
  describe,
  type ExitStatus,
  exitStatus,
  RelaisError,
} from "../errors.ts";
import type { PublishReport } from "../publish/operations.ts";
import { summariseRun } from "../publish/summary.ts";
import { SourceWatch } from "../publish/watch.ts";
import { Publishing } from "../supervisor/publishing.ts";
import { type Job, runService } from "../supervisor/service.ts";
import { Signals } from "../supervisor/signals.ts";

const declaration = {
  name: "publish",
  summary: "on a server: copy the configured files into the export",
  description: [
    "Copies new and changed files of publish.files into the export and adds a line for each to the list: at once, then every schedule.every.",
  ],
  arguments: [],
  options: [
    { long: "once", kind: "flag", help: "run a single time" },
    {
      long: "watch",
      short: "w",
      kind: "flag",
      help: "also publish as soon as a source changes",
      conflicts: "once",
    },
    {
      long: "accept-shrink",
      kind: "flag",
      help: "with --once: withdraw all files that are gone, however many",
      needs: "once",
    },
    {
      long: "verify",
      kind: "flag",
      help: "with --once: re-read the export, and publish damaged files again",
      needs: "once",
    },
    {
      long: "print-sh",
      kind: "flag",
      help:
        "print a shell script that publishes once, for a UNIX without relais",
    },
  ],
  examples: [
    { line: "relais publish --once", help: "publish once, as cron runs it" },
    {
      line: "relais publish --print-sh > relais-publish.sh",
      help: "for cron on Solaris, AIX, HP-UX, BSD …",
    },
  ],
} as const satisfies Declaration;

type Given = GivenTo<typeof declaration>;

// A script is only printed.
export const publish = command(declaration, work, ({ printSh }) => !printSh);

/** Publishes once, or regularly until a signal ends it. */
async function work(
  given: Given,
  { output, load }: Surroundings,
): Promise<ExitStatus> {
  const config = requirePublish(await load());
  if (given.printSh) {
    // Nothing else needs the script.
    const { publishScript } = await import("../publish/sh/script.ts");
    output.text(publishScript(config.publish).trimEnd());
    return exitStatus.done;
  }
  const begin = (config: PublishReady) =>
    new Publishing(config, {
      dryRun: false,
      loop: !given.once,
      stderr: output.verbose ? "debug" : output.journal ? "info" : null,
      journal: output.journal,
    });
  if (given.once) return await publishOnce(begin(config), given, output);
  return await runService(config, {
    require: requirePublish,
    begin: (config) =>
      Promise.resolve(
        given.watch
          ? watching(config, begin(config), given, output)
          : runs(begin(config), given, output),
      ),
  }, output);
}

async function publishOnce(
  publishing: Publishing,
  { acceptShrink, verify, json }: Given,
  output: Output,
): Promise<ExitStatus> {
  using signals = new Signals();
  await using _ = publishing;
  try {
    const report = await publishing.run(
      { acceptShrink, verify },
      signals.signal,
    );
    tell(report, json, output);
    const { failed } = report;
    return signals.exitStatus ??
      (failed.length > 0 ? exitStatus.incomplete : exitStatus.done);
  } catch (error) {
    if (signals.exitStatus === undefined) throw error;
    if (!(error instanceof RelaisError)) throw error;
    output.failure(error);
    return signals.exitStatus;
  }
}

/** The job of the loop, which may be asked to look at some sources only. */
interface Runs extends Job {
  run(signal: AbortSignal, only?: readonly string[]): Promise<string>;
  /** True if the last run came to its end. */
  readonly hasEnded: boolean;
}

/** The job of the loop: one run after the other. */
function runs(
  publishing: Publishing,
  { json }: Given,
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
        return summariseRun(report);
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
  given: Given,
  output: Output,
): Job {
  const job = runs(publishing, given, output);
  let trouble = "";
  /** When all sources were last scanned. */
  let scanned = -Infinity;
  const watch = new SourceWatch(config.publish, (why) => {
    trouble = why;
    output.note(
      `Cannot watch ${config.publish.base}: ${why}; changes are found every schedule.every. If there are many directories, raise the sysctl fs.inotify.max_user_watches`,
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
      // A change is told where it happened, and not by the links that lead there.
      const follows = config.publish.links === "follow";
      const only = isDue || follows ? undefined : changes;
      if (only === undefined) scanned = now;
      try {
        return await job.run(signal, only);
      } finally {
        if (!job.hasEnded) watch.giveUp();
        // The log module is at work from the first run on.
        if (trouble !== "") {
          job.log.warning(`cannot watch for changes: ${trouble}`);
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
    output.error(`Cannot publish ${path}: ${error}`);
  }
  if (json || output.quiet) return;
  output.result(summariseRun(report));
}
