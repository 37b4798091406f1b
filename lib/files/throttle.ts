/**
 * The bounds on what a pass transfers: `copy.bandwidth`, a token bucket, and
 * `--max-transfer`.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { StoppedError } from "../errors.ts";

/** Seconds of the limit that may be saved up while nothing is asked for. */
const burstSeconds = 0.25;

/** Source of time; tests bring their own. */
export interface Clock {
  /** Milliseconds, monotonic. */
  now(): number;
  /** Rejects when `signal` aborts. */
  delay(ms: number, options: { readonly signal: AbortSignal }): Promise<void>;
}

const realClock: Clock = { now: () => performance.now(), delay };

export interface Bounds {
  /** 0: no limit. */
  readonly bytesPerSecond: number;
  /** Bytes that may pass altogether. @default no limit */
  readonly total?: number | undefined;
}

/** Lets so many bytes a second through, in the order in which they are asked for. */
export class Throttle {
  /** The limit; `Infinity`: none. */
  readonly bytesPerMs: number;
  readonly #burst: number;
  #tokens: number;
  #left: number;
  readonly #clock: Clock;
  #filledAt: number;
  #last: Promise<void> = Promise.resolve();
  readonly #ended = new AbortController();

  constructor(
    { bytesPerSecond, total = Infinity }: Bounds,
    clock: Clock = realClock,
  ) {
    this.#clock = clock;
    this.#filledAt = clock.now();
    this.bytesPerMs = bytesPerSecond === 0 ? Infinity : bytesPerSecond / 1_000;
    this.#burst = bytesPerSecond * burstSeconds;
    this.#tokens = this.#burst;
    this.#left = total;
  }

  /**
   * Returns when `bytes` more may be asked for.
   *
   * @throws {StoppedError} If they would be more than may pass altogether, or it was {@link stop}ped.
   */
  async pass(bytes: number): Promise<void> {
    this.#ended.signal.throwIfAborted();
    if (bytes > this.#left) {
      throw new StoppedError("stopped at --max-transfer", {
        hint: "the next pass continues from there",
      });
    }
    this.#left -= bytes;
    if (this.bytesPerMs === Infinity) return;
    this.#last = this.#last.then(() => this.#spend(bytes));
    await this.#last;
  }

  /** Lets nothing more through: what waits has not been asked for yet. */
  stop(): void {
    this.#ended.abort(new StoppedError("stopped before all was copied"));
  }

  /** A debt is waited for; more than the bucket holds may be asked for, and is paid off by the next. */
  async #spend(bytes: number): Promise<void> {
    const { signal } = this.#ended;
    this.#fill();
    if (this.#tokens < 0) {
      await this.#clock.delay(-this.#tokens / this.bytesPerMs, { signal });
      this.#fill();
    }
    this.#tokens -= bytes;
  }

  #fill(): void {
    const now = this.#clock.now();
    const gained = (now - this.#filledAt) * this.bytesPerMs;
    this.#tokens = Math.min(this.#burst, this.#tokens + gained);
    this.#filledAt = now;
  }
}
