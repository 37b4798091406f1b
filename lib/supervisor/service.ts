/**
 * A job that is done regularly until a signal ends it, the way a service
 * manager expects: it says when it is ready, how it does and that it is alive,
 * and reads its configuration again at SIGHUP.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import { loadConfig } from "../config/load.ts";
import {
  describe,
  type ExitStatus,
  exitStatus,
  RelaisError,
} from "../errors.ts";
import type { Logger } from "../worker/logger.ts";
import { Signals } from "./signals.ts";
import { ServiceManager } from "../systemd/notify.ts";
import type { Output } from "../cli/output.ts";

/** Work that is done again and again with one configuration. */
export interface Job extends AsyncDisposable {
  /** True if each of its modules shows signs of life. */
  readonly answers: boolean;
  readonly log: Logger;
  /**
   * Does it once; returns how it went, in one line.
   *
   * @throws {RelaisError} If it could not; it is done again later if that may pass.
   */
  run(signal: AbortSignal): Promise<string>;
  /** Calls `wake`, once, when there is something to do before its time. */
  listen?(wake: () => void): void;
}

/** What a service is for. */
export interface Work<Ready extends Config> {
  /** @throws {ConfigError} If there is nothing about this work in the configuration. */
  require(config: Config): Ready;
  /** @throws {RelaisError} If it cannot be done so. */
  begin(config: Ready): Promise<Job>;
}

/** After a job failed, the next attempt waits so long, and twice as long each time after. */
const firstPauseMs = 1_000;
const longestPauseMs = 60_000;

/** Does the work at once, then every `schedule.every`, until a signal ends it. */
export async function runService<Ready extends Config>(
  config: Ready,
  work: Work<Ready>,
  output: Output,
): Promise<ExitStatus> {
  const service = new Service(config, work, output);
  using signals = new Signals({ onHangup: () => service.wantReload() });
  const status = await service.run(signals.signal);
  return signals.exitStatus ?? status;
}

class Service<Ready extends Config> {
  #config: Ready;
  #job: Job | undefined;
  #reloadWanted = false;
  #wake = () => {};
  #pauseMs = firstPauseMs;
  readonly #work: Work<Ready>;
  readonly #output: Output;

  constructor(config: Ready, work: Work<Ready>, output: Output) {
    this.#config = config;
    this.#work = work;
    this.#output = output;
  }

  /** Asks for the configuration to be read again, as soon as no pass is under way. */
  wantReload(): void {
    this.#reloadWanted = true;
    this.#wake();
  }

  async run(signal: AbortSignal): Promise<ExitStatus> {
    using manager = ServiceManager.find();
    const stopping = () => {
      manager.stopping();
      this.#wake();
    };
    signal.addEventListener("abort", stopping, { once: true });
    const watchdog = this.#keepAlive(manager);
    try {
      this.#job = await this.#work.begin(this.#config);
      manager.ready();
      while (!signal.aborted) {
        await this.#sleep(await this.#runOnce(manager, signal), signal);
        if (this.#reloadWanted) await this.#reload(manager);
      }
      return exitStatus.done;
    } finally {
      if (!signal.aborted) manager.stopping();
      clearInterval(watchdog);
      await this.#job?.[Symbol.asyncDispose]();
    }
  }

  /** Runs the job once; returns how long to wait before it is run again. */
  async #runOnce(
    manager: ServiceManager,
    signal: AbortSignal,
  ): Promise<number> {
    const started = performance.now();
    try {
      this.#job ??= await this.#work.begin(this.#config);
      manager.status(await this.#job.run(signal));
      this.#pauseMs = firstPauseMs;
      return this.#config.schedule.everyMs - (performance.now() - started);
    } catch (error) {
      if (!(error instanceof RelaisError)) throw error;
      // With no job at all, nothing is at work that could go wrong any further.
      if (this.#job !== undefined && !mayPass(error)) throw error;
      this.#output.error(describe(error));
      manager.status(describe(error));
      const pauseMs = this.#pauseMs;
      this.#pauseMs = Math.min(longestPauseMs, pauseMs * 2);
      return pauseMs;
    }
  }

  /** Takes the configuration over as it is now; one that is wrong is told, and the one before stays. */
  async #reload(manager: ServiceManager): Promise<void> {
    this.#reloadWanted = false;
    manager.reloading();
    const { path } = this.#config;
    try {
      const config = this.#work.require(await loadConfig(path));
      await this.#begin(config);
      this.#job?.log.info(`reloaded ${path}`);
    } catch (error) {
      if (!(error instanceof RelaisError)) throw error;
      this.#output.failure(error);
      this.#job?.log.error(
        `${path} was refused; the previous configuration stays in use`,
      );
    }
    manager.ready();
  }

  /**
   * Goes on with another configuration, or if that cannot be with the one before;
   * if neither can be, with none until one of them can.
   */
  async #begin(config: Ready): Promise<void> {
    const before = this.#job;
    this.#job = undefined;
    await before?.[Symbol.asyncDispose]();
    try {
      this.#job = await this.#work.begin(config);
      this.#config = config;
    } catch (error) {
      // If that fails too, it is begun again where it would have been run.
      this.#job = await this.#work.begin(this.#config).catch(() => undefined);
      throw error;
    }
  }

  /** Tells the manager twice in its interval that the service lives, for as long as its modules do. */
  #keepAlive(
    manager: ServiceManager,
  ): ReturnType<typeof setInterval> | undefined {
    const { watchdogMs } = manager;
    if (watchdogMs === undefined) return undefined;
    return setInterval(() => {
      if (this.#job?.answers ?? true) manager.alive();
    }, watchdogMs / 2);
  }

  /** Waits, unless there is something to do: an end, or a configuration to read. */
  #sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#reloadWanted) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.max(0, ms));
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
      this.#job?.listen?.(this.#wake);
    });
  }
}

/** Tells whether what stands in the way may be gone later: a disk has room again, a state is put back. */
function mayPass({ retriable, exitStatus: status }: RelaisError): boolean {
  return retriable || status === exitStatus.local;
}
