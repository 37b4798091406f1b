/**
 * Telling the administrator, and who watches for silence, how passes go. What
 * goes wrong with that is logged, and harms no pass.
 *
 * @module
 */

import type { HooksConfig } from "../config/config.ts";
import { describe } from "../errors.ts";
import type { Logger } from "../worker/logger.ts";
import type { Event, Notice } from "../stat/notices.ts";
import { ping } from "../stat/ping.ts";
import { runHook } from "./hooks.ts";

/** A hook that tells somebody has so long. */
const hookMs = 60_000;

/** The key of each hook, by what it is for. */
const keys: Record<Event, readonly [name: string, key: keyof HooksConfig]> = {
  failover: ["on_failover", "onFailover"],
  failback: ["on_failback", "onFailback"],
  error: ["on_error", "onError"],
  recovered: ["on_recovered", "onRecovered"],
  lag: ["on_lag", "onLag"],
  leader: ["on_leader", "onLeader"],
};

/** A pass that was stopped in good order. */
const stopped = 128;

/** Tells of the passes of one replica. */
export class Telling {
  readonly #hooks: HooksConfig;
  readonly #log: Logger;
  readonly #unheard: (notice: Notice) => Promise<unknown>;
  /** Hooks run one after the other, beside the pass. */
  #told: Promise<void> = Promise.resolve();
  #started: AbortController | undefined;

  /** @param unheard Is told of each notice whose hook failed. */
  constructor(
    hooks: HooksConfig,
    log: Logger,
    unheard: (notice: Notice) => Promise<unknown>,
  ) {
    this.#hooks = hooks;
    this.#log = log;
    this.#unheard = unheard;
  }

  /** Runs the hook of each notice; returns when they, and those before them, have ended. */
  tell(notices: readonly Notice[], stop: AbortSignal): Promise<void> {
    this.#told = this.#told.then(() => this.#runHooks(notices, stop));
    return this.#told;
  }

  /** Tells the service that a pass begins; nobody waits for its answer. */
  begin(): void {
    this.#started = new AbortController();
    this.#ping("start", "", this.#started.signal);
  }

  /** Tells the service how a pass ended; returns when it knows, or `stop` aborts. */
  async end(exit: number, text: string, stop: AbortSignal): Promise<void> {
    // Whoever stops relais knows why it is silent.
    if (exit >= stopped) return;
    await this.#ping(exit === 0 ? "success" : "fail", text, stop);
    this.#started?.abort();
  }

  async #runHooks(
    notices: readonly Notice[],
    stop: AbortSignal,
  ): Promise<void> {
    for (const notice of notices) {
      const [name, key] = keys[notice.event];
      const argv = this.#hooks[key] as readonly string[];
      if (argv.length === 0) continue;
      const hint = "correct the program; the pass is not affected";
      const hook = { name, argv, timeoutMs: hookMs, hint };
      const text = `${JSON.stringify(notice)}\n`;
      const input = new TextEncoder().encode(text);
      const isHeard = await this.#harmless(() => runHook(hook, input, stop));
      if (!isHeard) await this.#harmless(() => this.#unheard(notice));
    }
  }

  async #ping(
    what: "start" | "success" | "fail",
    text: string,
    stop: AbortSignal,
  ): Promise<void> {
    const { ping: url } = this.#hooks;
    if (url === "") return;
    await this.#harmless(() => ping(url, what, text, stop));
  }

  /** Does `work`; logs what goes wrong, and returns whether nothing did. */
  async #harmless(work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      this.#log.warning(describe(error));
      return false;
    }
  }
}
