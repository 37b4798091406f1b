/**
 * The time limit of every SFTP request. SSH's keepalive does not see a frozen
 * `sftp-server`: the transport answers for it.
 *
 * @module
 */

/** How often the oldest request is looked at, as a part of the limit. */
const looksPerLimit = 4;

/** Fewer bytes within the limit are not progress. */
export const leastProgress = 4 * 1024;

/** What an answer takes on the wire besides its bytes, at most: a rekeying may come between. */
const aroundAnswer = 16 * 1024;

interface Waiting {
  /** What was asked, such as `open /export/a`. */
  readonly what: string;
  /** Bytes its answer may have. */
  readonly bytes: number;
  readonly reject: (error: Error) => void;
}

/** The request that all others wait behind. */
interface Oldest {
  readonly number: number;
  /** When it became the oldest, or when its answer last made progress. */
  since: number;
  /** Bytes that had been received then. */
  received: number;
  /** Bytes that may still be those of its answer. */
  toCome: number;
}

/**
 * Watches the requests of one session with one timer for all of them.
 *
 * A server answers one request after the other. The limit of a request begins
 * when all that were asked before it are answered, and begins again as often as a
 * part of its answer has come, until as much came as the whole answer can have: a
 * request behind megabytes that arrive is not late, one that is passed over is.
 */
export class RequestWatch {
  readonly #limitMs: number;
  readonly #onLate: (what: string) => void;
  readonly #received: () => number;
  /** In the order they were made: the first one is the oldest. */
  readonly #waiting = new Map<number, Waiting>();
  #made = 0;
  #oldest: Oldest | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #broken: Error | undefined;

  /**
   * Calls `onLate` with what was asked once a request is late.
   *
   * @param received Tells how many bytes have come so far.
   */
  constructor(
    limitMs: number,
    onLate: (what: string) => void,
    received: () => number = () => 0,
  ) {
    this.#limitMs = limitMs;
    this.#onLate = onLate;
    this.#received = received;
  }

  /** Tells whether {@link break} was called. */
  get isBroken(): boolean {
    return this.#broken !== undefined;
  }

  /**
   * Makes a request; the promise is settled exactly once, by the request or by
   * {@link break}.
   *
   * @param what What is asked, such as `open /export/a`.
   * @param bytes Bytes its answer may have.
   */
  run<Result>(
    request: (
      resolve: (result: Result) => void,
      reject: (error: Error) => void,
    ) => void,
    what = "",
    bytes = 0,
  ): Promise<Result> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    const number = ++this.#made;
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { what, bytes, reject });
      if (this.#waiting.size === 1) this.#becomesOldest(number, bytes);
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
    const [[number, { what, bytes }] = [0, nothing]] = this.#waiting;
    if (number === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    } else if (this.#oldest?.number !== number) {
      this.#becomesOldest(number, bytes);
    } else if (this.#isLate(this.#oldest)) this.#onLate(what);
  }

  #becomesOldest(number: number, bytes: number): void {
    this.#oldest = {
      number,
      since: performance.now(),
      received: this.#received(),
      toCome: bytes === 0 ? 0 : bytes + aroundAnswer,
    };
  }

  #isLate(oldest: Oldest): boolean {
    const now = performance.now();
    const received = this.#received();
    const came = received - oldest.received;
    if (came >= leastProgress && oldest.toCome > 0) {
      oldest.toCome -= came;
      oldest.received = received;
      oldest.since = now;
    }
    return now - oldest.since > this.#limitMs;
  }
}

const nothing: Pick<Waiting, "what" | "bytes"> = { what: "", bytes: 0 };
