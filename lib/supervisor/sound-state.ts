/**
 * A state that is mended when it turns out to be damaged, and opened again when
 * somebody removed or replaced it while its modules had it open.
 *
 * @module
 */

import type { RelaisError } from "../errors.ts";
import { assertReadable } from "../state/database.ts";
import type { Hold } from "./hold.ts";

/** Sees to the state of one replica. */
export class SoundState {
  readonly #directory: string;
  readonly #hold: Hold;
  readonly #close: () => Promise<void>;
  readonly #tell: (what: string) => void;

  /**
   * @param close Lets the modules close the state; they open it again when they are needed.
   * @param tell Is told what happened to the state.
   */
  constructor(
    directory: string,
    hold: Hold,
    close: () => Promise<void>,
    tell: (what: string) => void,
  ) {
    this.#directory = directory;
    this.#hold = hold;
    this.#close = close;
    this.#tell = tell;
  }

  /**
   * Does `work`; if it fails because the state is damaged or gone, mends that and
   * does it again. A state is damaged if it is so twice, and can be read.
   */
  async during<Result>(work: () => Promise<Result>): Promise<Result> {
    for (const isSecond of [false, true]) {
      try {
        return await work();
      } catch (error) {
        if (!await this.#mend(error, isSecond)) throw error;
      }
    }
    return await work();
  }

  /** Lets the modules open the state that is there now, or make one where there is none; returns whether that was needed. */
  async retakeIfLost(): Promise<boolean> {
    if (!this.#hold.isLost) return false;
    await this.#close();
    this.#hold.retake();
    this.#tell(
      `The state in ${this.#directory} was removed or replaced while relais ran, and was opened again`,
    );
    return true;
  }

  async #mend(error: unknown, isSecond: boolean): Promise<boolean> {
    const { name, message } = error as RelaisError;
    if (name !== "DamagedStateError") return await this.retakeIfLost();
    await this.#close();
    assertReadable(this.#directory);
    if (isSecond) {
      const aside = this.#hold.setAside();
      this.#tell(
        `${message}. It is kept as ${aside}; a new one is made from the list and the copy`,
      );
    }
    return true;
  }
}
