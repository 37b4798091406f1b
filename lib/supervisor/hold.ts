/**
 * A replica's hold on its state: the lock, and the certainty that what its
 * modules have open is still what lies in the state directory.
 *
 * @module
 */

import { lookAt } from "../files/if-there.ts";
import { LocalError, stateHint } from "../errors.ts";
import { Lock } from "../files/lock.ts";
import { databasePath, keepTidy, setAside } from "../state/database.ts";

/** Holds a state directory until disposed of. */
export class Hold implements Disposable {
  readonly #directory: string;
  #held: Disposable | undefined;
  /** What the modules have open; `undefined` while they have nothing. */
  #opened: string | undefined;

  private constructor(directory: string, held?: Disposable) {
    this.#directory = directory;
    this.#held = held;
  }

  /**
   * Takes the lock of `directory`.
   *
   * @throws {LockedError} If another relais holds it.
   * @throws {LocalError} If it cannot be used.
   */
  static take(directory: string): Hold {
    return new Hold(directory, Lock.take(directory));
  }

  /** Takes no lock, for modules that only read the state: it may be at work meanwhile. */
  static readAlong(directory: string): Hold {
    return new Hold(directory, keepTidy(directory));
  }

  /** Tells whether somebody removed the state, or put another one there, since it was {@link opened}. */
  get isLost(): boolean {
    return this.#opened !== undefined && this.#opened !== this.#identity();
  }

  /** Notes what the modules have open. */
  opened(): void {
    this.#opened ??= this.#identity();
  }

  /** Takes the lock again, for a state that {@link isLost}; the modules have closed what they had open. */
  retake(): void {
    this.#held?.[Symbol.dispose]();
    this.#held = Lock.take(this.#directory);
    this.#opened = undefined;
  }

  /** Moves the state, which is damaged and which no module has open, out of the way; returns where it is now. */
  setAside(): string {
    this.#opened = undefined;
    return setAside(this.#directory, new Date());
  }

  [Symbol.dispose](): void {
    this.#held?.[Symbol.dispose]();
    this.#held = undefined;
  }

  #identity(): string {
    const path = databasePath(this.#directory);
    try {
      const { dev, ino } = lookAt(path) ?? {};
      return `${dev}:${ino}`;
    } catch (cause) {
      const { message } = cause as Error;
      throw new LocalError(`Cannot access the state ${path}: ${message}`, {
        cause,
        hint: stateHint(message),
      });
    }
  }
}
