/**
 * The time limit of every SFTP request. SSH's keepalive does not see a frozen
 * `sftp-server`: the transport answers for it.
 *
 * @module
 */

/** How often the oldest request is looked at, as a part of the limit. */
const looksPerLimit = 4;

interface Waiting {
  /** What was asked, such as `open /export/a`. */
  readonly what: string;
  readonly since: number;
  readonly reject: (error: Error) => void;
}

/** Watches the requests of one session with one timer for all of them. */
export class RequestWatch {
  readonly #limitMs: number;
  readonly #onLate: (what: string) => void;
  /** In the order they were made: the first one is the oldest. */
  readonly #waiting = new Map<number, Waiting>();
  #made = 0;
  #timer: ReturnType<typeof setInterval> | undefined;
  #broken: Error | undefined;

  /** Calls `onLate` with what was asked once a request is older than `limitMs`. */
  constructor(limitMs: number, onLate: (what: string) => void) {
    this.#limitMs = limitMs;
    this.#onLate = onLate;
  }

  /**
   * Makes a request; the promise is settled exactly once, by the request or by
   * {@link break}.
   *
   * @param what What is asked, such as `open /export/a`.
   */
  run<Result>(
    request: (
      resolve: (result: Result) => void,
      reject: (error: Error) => void,
    ) => void,
    what = "",
  ): Promise<Result> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    const number = ++this.#made;
    return new Promise((resolve, reject) => {
      const since = performance.now();
      this.#waiting.set(number, { what, since, reject });
      this.#timer ??= setInterval(
        () => this.#look(),
        this.#limitMs / looksPerLimit,
      );
      request(
        (result) => {
          this.#waiting.delete(number);
          resolve(result);
        },
        (error) => {
          this.#waiting.delete(number);
          reject(error);
        },
      );
    });
  }

  /**
   * Rejects whatever is under way, and whatever will be asked. Idempotent.
   *
   * @param oldest What the oldest request is rejected with in place of `error`.
   */
  break(error: Error, oldest = error): void {
    this.#broken ??= error;
    clearInterval(this.#timer);
    const [[number, first] = []] = this.#waiting;
    if (number !== undefined) this.#waiting.delete(number);
    first?.reject(oldest);
    for (const { reject } of this.#waiting.values()) reject(this.#broken);
    this.#waiting.clear();
  }

  #look(): void {
    const [oldest] = this.#waiting.values();
    if (oldest === undefined) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    } else if (performance.now() - oldest.since > this.#limitMs) {
      this.#onLate(oldest.what);
    }
  }
}
