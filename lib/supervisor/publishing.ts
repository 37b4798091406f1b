/**
 * A publisher at work: its modules, its runs.
 *
 * @module
 */

import type { Config, PublishConfig } from "../config/config.ts";
import { linkDescriptors } from "../files/descriptors.ts";
import { describe, exitStatus, type RelaisError } from "../errors.ts";
import { makeLogDirectory } from "../log/file.ts";
import { Logger } from "../worker/logger.ts";
import type { PassReport } from "../state/pass-report.ts";
import type { LogOperations } from "../log/operations.ts";
import type {
  PublishOperations,
  PublishReport,
  PublishRequest,
} from "../publish/operations.ts";
import type { StatOperations } from "../stat/operations.ts";
import { databasePath, ensureState, setAside } from "../state/database.ts";
import { StatsBlock } from "../worker/stats-block.ts";
import { timestampFromMilliseconds } from "../text/timestamp.ts";
import { brokenReport } from "./account.ts";
import { ownDirectoryOf } from "../files/own-directory.ts";
import { logErrors } from "./lasting.ts";
import { publishPlans, type RunOptions } from "./plans.ts";
import { statusOfStop } from "./signals.ts";
import { Supervisor } from "./supervisor.ts";
import { Telling } from "./telling.ts";

/** A run that somebody else does, or for whom the export is, says nothing of how this publisher does. */
const elsewhere: readonly number[] = [exitStatus.locked, exitStatus.usage];

/** A publisher at work. */
export class Publishing implements AsyncDisposable {
  readonly #config: Config & { readonly publish: PublishConfig };
  readonly #supervisor: Supervisor;
  readonly #log: Logger;
  readonly #stats: StatsBlock;
  readonly #telling: Telling;

  constructor(
    config: Config & { publish: PublishConfig },
    options: RunOptions,
  ) {
    const stats = StatsBlock.create();
    const { level } = config.log;
    this.#config = config;
    this.#stats = stats;
    this.#log = new Logger({ module: "supervisor", level, stats });
    this.#supervisor = new Supervisor({
      stats,
      level,
      log: this.#log,
      plans: publishPlans(config, options),
    });
    this.#telling = new Telling(
      config.hooks,
      this.#log,
      async ({ condition }) => {
        await this.#stat.ask("unheard", { condition });
      },
    );
  }

  /** Tells whether each module that runs shows signs of life. */
  get answers(): boolean {
    return this.#supervisor.answers;
  }

  /** For what whoever runs the publisher has to say. */
  get log(): Logger {
    return this.#log;
  }

  /**
   * Publishes once, records it, and tells of it whom the hooks name.
   *
   * @throws {RemoteFailure} If it could not: locked, no room, no sources, stopped by `signal`.
   * @throws {ModuleError} If a module died or fell silent; the next run replaces it.
   */
  async run(
    request: PublishRequest = { acceptShrink: false, verify: false },
    signal = new AbortController().signal,
  ): Promise<PublishReport> {
    this.#supervisor.beginPass(crypto.randomUUID().slice(0, 8));
    const started = { at: Date.now(), steady: performance.now() };
    const before = this.#counted();
    this.#telling.begin();
    try {
      const report = await this.#publish(request, signal);
      await this.#conclude(passOf(report), started, signal);
      return report;
    } catch (error) {
      const { exitStatus: exit } = error as RelaisError;
      if (elsewhere.includes(exit)) throw error;
      const broken = brokenReport(error, 0);
      await this.#conclude(
        {
          ...broken,
          ...since(before, this.#counted()),
          exit: statusOfStop(signal) ?? broken.exit,
        },
        started,
        signal,
      );
      throw error;
    }
  }

  async #publish(
    request: PublishRequest,
    signal: AbortSignal,
  ): Promise<PublishReport> {
    this.#prepare();
    makeLogDirectory(this.#config.log);
    await this.#supervisor.need("log", "publish");
    const publisher = this.#supervisor.asker<PublishOperations>("publish");
    // A module that has died hears nothing, and nobody waits for it.
    const stop = () => publisher.ask("stop", null).catch(() => {});
    signal.addEventListener("abort", stop, { once: true });
    try {
      const publishing = publisher.ask("publish", request);
      // A signal that came already is not heard again.
      if (signal.aborted) stop();
      return await publishing;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  /** Records and tells what a run came to. What goes wrong with that is logged: the files are published. */
  async #conclude(
    report: PassReport,
    { at, steady }: { readonly at: number; readonly steady: number },
    signal: AbortSignal,
  ): Promise<void> {
    const { copied, removed, failed, exit, errors } = report;
    let before: readonly string[] = [];
    try {
      await this.#openHistory();
      const recorded = await this.#stat.ask("record", {
        isJudged: false,
        report: { ...report, seconds: secondsSince(steady) },
        started: timestampFromMilliseconds(at),
      });
      before = recorded.before;
      await this.#telling.tell(recorded.notices, signal);
    } catch (error) {
      this.#log.warning(
        `cannot record this run in the history: ${describe(error)}`,
      );
    }
    logErrors(this.#log, errors, before);
    const summary =
      `published ${copied}, withdrew ${removed}, failed ${failed.length}, ${
        secondsSince(steady)
      } s, exit ${exit}`;
    this.#log.info(summary);
    await this.#telling.end(exit, errors[0] ?? summary, signal);
  }

  get #stat() {
    return this.#supervisor.asker<StatOperations>("stat");
  }

  /** Starts stat; a history that is damaged, as one that was copied while it was written, is put aside. */
  async #openHistory(): Promise<void> {
    const own = ownDirectoryOf(this.#config.publish);
    const open = async () => {
      ensureState(own);
      // It names files that failed: not for those who read the export.
      Deno.chmodSync(databasePath(own), 0o640);
      await this.#supervisor.need("stat");
    };
    try {
      await open();
    } catch (error) {
      if ((error as Error).name !== "DamagedStateError") throw error;
      const aside = setAside(own, new Date());
      this.#log.warning(`${describe(error)}; it is kept as ${aside}`);
      await open();
    }
  }

  /** What the publish module has counted: of a run that fails nobody else tells what it did. */
  #counted(): Counted {
    const section = this.#stats.section("publish");
    return {
      copied: Number(section.get("files_published")),
      removed: Number(section.get("withdrawn")),
      bytes: Number(section.get("bytes_published")),
    };
  }

  /** Makes the link by which the publish module holds the directories of its sources open. */
  #prepare(): void {
    const own = ownDirectoryOf(this.#config.publish);
    try {
      Deno.mkdirSync(own, { recursive: true });
    } catch {
      // The publish module says best what is wrong with the export.
      return;
    }
    linkDescriptors(own);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#supervisor.runs("log")) {
      const log = this.#supervisor.asker<LogOperations>("log");
      // A log module that has just died has said what it had to say.
      await log.ask("flush", null).catch(() => {});
    }
    await this.#supervisor[Symbol.asyncDispose]();
  }
}

/** From a moment of the clock that is never set; to the millisecond. */
function secondsSince(steady: number): number {
  return Math.round(performance.now() - steady) / 1_000;
}

type Counted = Pick<PassReport, "copied" | "removed" | "bytes">;

function since(before: Counted, now: Counted): Counted {
  return {
    copied: now.copied - before.copied,
    removed: now.removed - before.removed,
    bytes: now.bytes - before.bytes,
  };
}

/** What a run came to, as the history keeps it of a pass. */
function passOf(
  { scanned, published, withdrawn, unchanged, bytes, failed, ...report }:
    PublishReport,
): PassReport {
  return {
    server: null,
    generation: report.generation,
    seen: scanned,
    new: 0,
    copied: published,
    adopted: 0,
    bytes,
    reused: 0,
    wire_bytes: 0,
    removed: withdrawn,
    skipped: unchanged,
    refused: 0,
    refusals: [],
    failed,
    errors: [],
    lag_seconds: 0,
    seconds: report.seconds,
    not_files: report.not_files,
    exit: failed.length > 0 ? exitStatus.incomplete : exitStatus.done,
  };
}
