/**
 * How long a pass waits for what it has asked for: not for ever once it was
 * stopped, and not for a server from which nothing arrives any more.
 *
 * @module
 */

import type { CopyListOperations } from "../copy-list/operations.ts";
import { StoppedError } from "../errors.ts";
import type { Channel } from "../worker/channel.ts";
import type { Crew, PassOptions } from "./pass-options.ts";
import { StallWatch } from "./stall-watch.ts";

/** How long what is under way may take to arrive when a pass is stopped. */
const graceMs = 2_000;

/** Waits for the modules in one pass. */
export class Waiting {
  readonly #crew: Crew;
  readonly #options: PassOptions;
  readonly #isServedElsewhere: (server: string) => Promise<boolean>;

  /** @param isServedElsewhere Probes the servers; tells whether another one than `server` would serve. */
  constructor(
    crew: Crew,
    options: PassOptions,
    isServedElsewhere: (server: string) => Promise<boolean>,
  ) {
    this.#crew = crew;
    this.#options = options;
    this.#isServedElsewhere = isServedElsewhere;
  }

  /**
   * Waits for what changes nothing, and so need not end in good order.
   *
   * @throws {StoppedError} If the pass is stopped.
   */
  async unlessStopped<Result>(work: Promise<Result>): Promise<Result> {
    const { promise, reject } = Promise.withResolvers<never>();
    const stop = () => reject(stopped());
    work.catch(() => {/* it may fail after it was given up */});
    this.#options.signal.addEventListener("abort", stop, { once: true });
    try {
      return await Promise.race([work, promise]);
    } finally {
      this.#options.signal.removeEventListener("abort", stop);
    }
  }

  /**
   * Waits for `work`, which needs `server`. It is abandoned a while after the
   * pass was stopped, and when nothing arrives any more but another server would
   * serve.
   */
  async whileServed<Result>(
    server: string,
    work: Promise<Result>,
  ): Promise<Result> {
    using _watch = new StallWatch(this.#options.received, async () => {
      if (!await this.#isServedElsewhere(server)) return;
      await this.abandon(`Lost ${server}: nothing arrives from it any more`);
    });
    let late: ReturnType<typeof setTimeout> | undefined;
    const stop = () => {
      late = setTimeout(() => this.abandon("the pass was stopped"), graceMs);
    };
    const { signal } = this.#options;
    signal.addEventListener("abort", stop, { once: true });
    try {
      return await work;
    } finally {
      clearTimeout(late);
      signal.removeEventListener("abort", stop);
    }
  }

  /** Has copy-list do some work, until that is done or the pass is stopped. */
  async stoppably<Result>(
    copyList: Channel<CopyListOperations>,
    work: () => Promise<Result>,
  ): Promise<Result> {
    const stop = () => copyList.ask("stop", null).catch(() => {});
    const { signal } = this.#options;
    signal.addEventListener("abort", stop, { once: true });
    try {
      const working = work();
      // A signal that came already is not heard again.
      if (signal.aborted) stop();
      return await working;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  /** Lets go of whatever a server was asked for. */
  async abandon(reason: string): Promise<void> {
    const list = await this.#crew.synchroList();
    const given = [list.ask("abandon", null)];
    if (!this.#options.dryRun) {
      const copyList = await this.#crew.copyList();
      given.push(copyList.ask("abandon", { reason }));
    }
    // What cannot let go any more has nothing in its hands.
    await Promise.allSettled(given);
  }
}

/** The end of a pass that a signal has stopped. */
export function stopped(): StoppedError {
  return new StoppedError("stopped before all was done");
}
