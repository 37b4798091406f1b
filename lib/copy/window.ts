/**
 * How many bytes of a file to have under way: enough to fill the link, and no
 * more, since a server that is asked for too much at once only keeps it in its
 * memory. The idea of BBR (draft-ietf-ccwg-bbr): the rate times the round trip.
 *
 * @module
 */

/** Never less: on a short link it is the two programs that need to be kept busy. */
const least = 4 * 1024 * 1024;

/** A link is filled by its rate times its round trip; twice that finds out whether it has more to give. */
const gain = 2;

/** The rate is measured over at least so long, or one round trip. */
const leastSampleMs = 100;

/** Follows the rate of a transfer. */
export class Window {
  readonly #roundTripMs: number;
  readonly #most: number;
  #bytes = least;
  #rate = 0;
  #sampleSince: number;
  #sampled = 0;

  /**
   * @param roundTripMs Time one small request took on the idle link.
   * @param most Bytes there may be under way at most.
   * @param now On a monotonic clock, in milliseconds.
   */
  constructor(
    { roundTripMs, most, now }: {
      roundTripMs: number;
      most: number;
      now: number;
    },
  ) {
    this.#roundTripMs = roundTripMs;
    this.#most = most;
    this.#sampleSince = now;
  }

  /** Bytes to have under way. */
  get bytes(): number {
    return Math.min(this.#bytes, this.#most);
  }

  /** The highest rate so far, in bytes a millisecond. */
  get rate(): number {
    return this.#rate;
  }

  /** Tells that `bytes` more have arrived. */
  arrived(bytes: number, now: number): void {
    this.#sampled += bytes;
    const ms = now - this.#sampleSince;
    if (ms < Math.max(leastSampleMs, this.#roundTripMs)) return;
    this.#rate = Math.max(this.#rate, this.#sampled / ms);
    const fill = this.#sampled / ms * this.#roundTripMs;
    this.#bytes = Math.max(least, this.#bytes, gain * fill);
    this.#sampleSince = now;
    this.#sampled = 0;
  }
}
