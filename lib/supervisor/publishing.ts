/**
 * A publisher at work: its modules, its runs.
 *
 * @module
 */

import type { Config, PublishConfig } from "../config/config.ts";
import { linkDescriptors } from "../copy/directories.ts";
import { makeLogDirectory } from "../log/file.ts";
import { Logger } from "../log/logger.ts";
import type {
  LogOperations,
  PublishOperations,
  PublishReport,
  PublishRequest,
  StatOperations,
} from "../protocol.ts";
import { StatsBlock } from "../stats/block.ts";
import { publishPlans, type RunOptions } from "./plans.ts";
import { Supervisor } from "./supervisor.ts";

/** A publisher at work. */
export class Publishing implements AsyncDisposable {
  readonly #config: Config & { readonly publish: PublishConfig };
  readonly #supervisor: Supervisor;
  readonly #log: Logger;

  constructor(
    config: Config & { publish: PublishConfig },
    options: RunOptions,
  ) {
    const stats = StatsBlock.create();
    const { level } = config.log;
    this.#config = config;
    this.#log = new Logger({ module: "supervisor", level, stats });
    this.#supervisor = new Supervisor({
      stats,
      level,
      log: this.#log,
      plans: publishPlans(config, options),
    });
  }

  /** Whether each module that runs shows signs of life. */
  get answers(): boolean {
    return this.#supervisor.answers;
  }

  /** For what whoever runs the publisher has to say. */
  get log(): Logger {
    return this.#log;
  }

  /**
   * Publishes once.
   *
   * @throws {RemoteFailure} If it could not: locked, no room, no sources.
   * @throws {ModuleError} If a module died or fell silent; the next run replaces it.
   */
  async run(
    request: PublishRequest = { acceptShrink: false },
  ): Promise<PublishReport> {
    this.#supervisor.beginPass(crypto.randomUUID().slice(0, 8));
    this.#prepare();
    makeLogDirectory(this.#config.log);
    await this.#supervisor.need("log", "publish");
    const report = await this.#supervisor.asker<PublishOperations>("publish")
      .ask("publish", request);
    // Its directory is there only once something has been published.
    await this.#supervisor.need("stat");
    await this.#supervisor.asker<StatOperations>("stat").ask("write", null);
    const { published, withdrawn, failed, seconds } = report;
    this.#log.info(
      `published ${published}, withdrew ${withdrawn}, skipped ${failed.length}, ${seconds} s`,
    );
    return report;
  }

  /** Makes the link by which the publish module holds the directories of its sources open. */
  #prepare(): void {
    const own = `${this.#config.publish.into}/.relais`;
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
