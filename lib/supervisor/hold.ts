/**
 * A replica's hold on its state: the lock, and the certainty that what its
 * modules have open is still what lies in the state directory.
 *
 * @module
 */

import { lookAt } from "../copy/directories.ts";
import { Lock } from "../lock.ts";
import { databasePath, setAside } from "../state/database.ts";

/** Holds a state directory until disposed of. */
export class Hold implements Disposable {
  readonly #directory: string;
  #lock: Lock;
  /** What the modules have open; `undefined` while they have nothing. */
  #opened: string | undefined;

  private constructor(directory: string, lock: Lock) {
    this.#directory = directory;
    this.#lock = lock;
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

  /** The same, and nothing is written. */
  static takeWithoutTrace(directory: string): Hold {
    return new Hold(directory, Lock.takeWithoutTrace(directory));
  }

  /** Whether somebody removed the state, or put another one there, since it was {@link opened}. */
  get isLost(): boolean {
    return this.#opened !== undefined && this.#opened !== this.#identity();
  }

  /** Notes what the modules have open. */
  opened(): void {
    this.#opened ??= this.#identity();
  }

  /** Takes the lock anew, for a state that {@link isLost}; the modules have closed what they had open. */
  retake(): void {
    this.#lock[Symbol.dispose]();
    this.#lock = Lock.take(this.#directory);
    this.#opened = undefined;
  }

  /** Moves the state, which is damaged and which no module has open, out of the way; returns where it is now. */
  setAside(): string {
    this.#opened = undefined;
    return setAside(this.#directory, new Date());
  }

  [Symbol.dispose](): void {
    this.#lock[Symbol.dispose]();
  }

  #identity(): string {
    const { dev, ino } = lookAt(databasePath(this.#directory)) ?? {};
    return `${dev}:${ino}`;
  }
}
