/**
 * Signals, turned into an orderly stop, and into a wish to reload.
 *
 * @module
 */

/** Signals that ask relais to end, and their numbers. */
const numbers = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

type Name = keyof typeof numbers;

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
  #received: Name | undefined;

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

  /** Returns 128 plus the number of the signal that arrived, as shells do; `undefined` if none did. */
  get exitStatus(): number | undefined {
    return this.#received === undefined
      ? undefined
      : 128 + numbers[this.#received];
  }

  [Symbol.dispose](): void {
    for (const [name, listener] of this.#listeners) {
      Deno.removeSignalListener(name, listener);
    }
  }

  #receive(name: Name): void {
    if (this.#received !== undefined) return;
    this.#received = name;
    this.#controller.abort();
    // A worker that blocks must not keep the administrator waiting.
    const timer = setTimeout(
      () => Deno.exit(this.exitStatus),
      this.#patienceMs,
    );
    Deno.unrefTimer(timer);
  }
}
