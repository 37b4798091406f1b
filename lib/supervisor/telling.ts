/**
 * Telling the administrator, and who watches for silence, how passes go. What
 * goes wrong with that is logged, and harms no pass.
 *
 * @module
 */

import type { HooksConfig } from "../config/config.ts";
import { describe } from "../errors.ts";
import type { Logger } from "../log/logger.ts";
import type { Event, Notice } from "../notify/notices.ts";
import { ping } from "../notify/ping.ts";
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
};

/** Tells of the passes of one replica. */
export class Telling {
  readonly #hooks: HooksConfig;
  readonly #log: Logger;
  /** The service is told in order, and nobody waits for it but the end. */
  #pinged: Promise<void> = Promise.resolve();

  constructor(hooks: HooksConfig, log: Logger) {
    this.#hooks = hooks;
    this.#log = log;
  }

  /** Runs the hook of each notice. */
  async tell(notices: readonly Notice[], stop: AbortSignal): Promise<void> {
    for (const notice of notices) {
      const [name, key] = keys[notice.event];
      const argv = this.#hooks[key] as readonly string[];
      if (argv.length === 0) continue;
      const hint = "the pass is not affected";
      const hook = { name, argv, timeoutMs: hookMs, hint };
      const text = `${JSON.stringify(notice)}\n`;
      const input = new TextEncoder().encode(text);
      await this.#harmless(() => runHook(hook, input, stop));
    }
  }

  /** Tells the service that a pass begins. */
  begin(): void {
    this.#ping("start", "");
  }

  /** Tells the service how a pass ended; returns when it knows. */
  async end(isWell: boolean, text: string): Promise<void> {
    this.#ping(isWell ? "success" : "fail", text);
    await this.#pinged;
  }

  #ping(what: "start" | "success" | "fail", text: string): void {
    const { ping: url } = this.#hooks;
    if (url === "") return;
    this.#pinged = this.#pinged.then(() =>
      this.#harmless(() => ping(url, what, text))
    );
  }

  async #harmless(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#log.warning(describe(error));
    }
  }
}
