/**
 * Signals, turned into an orderly stop, and into a wish to reload.
 *
 * @module
 */

import { type ExitStatus, StoppedError } from "../errors.ts";

/** Signals that ask relais to end, and their numbers. */
const numbers = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

type Name = keyof typeof numbers;

/** The reason that work ends for which a signal has stopped. */
class StoppedBySignal extends StoppedError {
  override readonly exitStatus: ExitStatus;

  constructor(received: Name) {
    super(`stopped by ${received}`);
    this.exitStatus = 128 + numbers[received];
  }
}

/**
 * Returns the exit status of work that one of {@link Signals} has stopped, 128 plus
 * its number, as in shells; `undefined` if nothing or something else has stopped it.
 */
export function statusOfStop({ reason }: AbortSignal): ExitStatus | undefined {
  return reason instanceof StoppedBySignal ? reason.exitStatus : undefined;
}

export interface SignalsOptions {
  /** Is called at each SIGHUP; without it SIGHUP asks for an end, as when a terminal is closed. */
  readonly onHangup?: () => void;
  /** What has not ended in good order by then is ended anyway. @default 4500 */
  readonly patienceMs?: number;
}

/** Listens for signals until disposed of. */
export class Signals implements Disposable {
  readonly #controller = new AbortController();
  readonly #listeners = new Map<Deno.Signal, () => void>();
  readonly #patienceMs: number;

  constructor({ onHangup, patienceMs = 4_500 }: SignalsOptions = {}) {
    this.#patienceMs = patienceMs;
    for (const name of Object.keys(numbers) as Name[]) {
      const listener = name === "SIGHUP" && onHangup !== undefined
        ? onHangup
        : () => this.#receive(name);
      this.#listeners.set(name, listener);
      Deno.addSignalListener(name, listener);
    }
  }

  /** Aborts when the first signal that asks for an end arrives. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The exit status that goes with the signal that arrived; `undefined` if none did. */
  get exitStatus(): ExitStatus | undefined {
    return statusOfStop(this.signal);
  }

  [Symbol.dispose](): void {
    for (const [name, listener] of this.#listeners) {
      Deno.removeSignalListener(name, listener);
    }
  }

  #receive(name: Name): void {
    if (this.signal.aborted) return;
    this.#controller.abort(new StoppedBySignal(name));
    // A worker that blocks must not keep the administrator waiting.
    const timer = setTimeout(
      () => Deno.exit(this.exitStatus),
      this.#patienceMs,
    );
    Deno.unrefTimer(timer);
  }
}
