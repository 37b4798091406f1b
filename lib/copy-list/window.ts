/**
 * How many bytes to have under way from a server: enough to fill the link, and no
 * more, since a server that is asked for too much at once only keeps it in its
 * memory, and on a slow link all else waits behind it. The idea of BBR
 * (draft-ietf-ccwg-bbr): the rate times the round trip.
 *
 * @module
 */

/** As long as nothing is known of the link. */
const first = 256 * 1024;
const firstPiece = 64 * 1024;

/** Never less than a few short requests. */
const least = 64 * 1024;
const leastPiece = 32 * 1024;

/** What a link carries in this time may be under way, up to so many bytes: on a short link it is the two programs that need to be kept busy. */
const horizonMs = 1_000;
const usual = 4 * 1024 * 1024;

/** No link is believed to hold more: 5 Gbit/s at a round trip of 50 ms. So no server decides how much memory its answers take. */
export const mostUnderWay = 32 * 1024 * 1024;

/** A link is filled by its rate times its round trip; twice that finds out whether it has more to give. */
const gain = 2;

/** The rate is measured over at least so long, or one round trip. */
const leastSampleMs = 100;
const firstSampleMs = 20;

/** How much of the rate is believed after a sample that was lower: others may use the link for a while. */
const memory = 0.8;

/** What a request and its answer take besides the bytes asked for. */
const aroundRequest = 256;

/** Follows the rate of a link, and bounds what is under way, of all files and connections together. */
export class Window {
  #roundTripMs: number | undefined;
  /** The highest rate so far, and the one of late. */
  #rate = 0;
  #rateOfLate = 0;
  #sampleSince = 0;
  #sampled = 0;
  #underWay = 0;
  #idleSince = 0;
  readonly #queue: { bytes: number; go: () => void }[] = [];

  /** Bytes to have under way. */
  get bytes(): number {
    if (this.#rate === 0) return Math.min(usual, first + 2 * this.#sampled);
    const inTime = Math.min(usual, this.#rateOfLate * horizonMs);
    const fill = this.#rateOfLate * (this.#roundTripMs ?? 0);
    return Math.min(mostUnderWay, Math.max(least, inTime, gain * fill));
  }

  /** Bytes that are under way. */
  get underWay(): number {
    return this.#underWay;
  }

  /** Bytes to ask for at a time, `longest` at most: no more than come in a second. */
  piece(longest: number): number {
    const inTime = this.#rate === 0
      ? firstPiece
      : Math.max(leastPiece, Math.floor(this.#rateOfLate * horizonMs));
    return Math.min(longest, inTime);
  }

  /** The shortest time in which a small request was answered, in milliseconds; 0 before any was. */
  get roundTripMs(): number {
    return this.#roundTripMs ?? 0;
  }

  /** The highest rate so far, in bytes a millisecond. */
  get rate(): number {
    return this.#rate;
  }

  /** Tells that a small request took so long. */
  answered(ms: number): void {
    this.#roundTripMs = Math.min(this.#roundTripMs ?? ms, ms);
  }

  /** Waits, in turn, until there is room to ask for `bytes`; then they are under way. */
  async enter(bytes: number, now: number): Promise<void> {
    if (this.#queue.length > 0 || !this.#hasRoom(bytes)) {
      await new Promise<void>((go) => this.#queue.push({ bytes, go }));
    } else this.ask(bytes, now);
  }

  /** Tells that `bytes` are asked for, whether there is room or not. */
  ask(bytes: number, now: number): void {
    // While nothing was under way, the link had nothing to do.
    if (this.#underWay === 0) this.#sampleSince += now - this.#idleSince;
    this.#underWay += bytes + aroundRequest;
  }

  /** Tells that `bytes` of `asked` have arrived, and no more will. */
  arrived(bytes: number, asked: number, now: number): void {
    this.#underWay -= asked + aroundRequest;
    this.#sampled += bytes + aroundRequest;
    this.#sample(now);
    if (this.#underWay === 0) this.#idleSince = now;
    while (this.#queue.length > 0 && this.#hasRoom(this.#queue[0]!.bytes)) {
      const { bytes, go } = this.#queue.shift()!;
      this.ask(bytes, now);
      go();
    }
  }

  #hasRoom(bytes: number): boolean {
    return this.#underWay === 0 || this.#underWay + bytes <= this.bytes;
  }

  #sample(now: number): void {
    const ms = now - this.#sampleSince;
    const least = this.#rate === 0 ? firstSampleMs : leastSampleMs;
    if (ms < Math.max(least, this.#roundTripMs ?? 0)) return;
    const rate = this.#sampled / ms;
    this.#rate = Math.max(this.#rate, rate);
    this.#rateOfLate = Math.max(rate, this.#rateOfLate * memory);
    this.#sampleSince = now;
    this.#sampled = 0;
  }
}

/** Slots that are taken before a request and given back after it, first come, first served. */
export class Slots {
  readonly total: number;
  #free: number;
  readonly #queue: { slots: number; go: () => void }[] = [];

  constructor(total: number) {
    this.total = total;
    this.#free = total;
  }

  /** Waits until `slots` are free, and takes them; at most {@link total} at a time. */
  async take(slots: number): Promise<void> {
    if (this.#queue.length === 0 && slots <= this.#free) {
      this.#free -= slots;
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#queue.push({ slots, go: resolve });
    await promise;
  }

  give(slots: number): void {
    this.#free += slots;
    while (this.#queue.length > 0 && this.#queue[0]!.slots <= this.#free) {
      const { slots, go } = this.#queue.shift()!;
      this.#free -= slots;
      go();
    }
  }
}
