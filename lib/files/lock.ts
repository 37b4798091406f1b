/**
 * The lock that keeps a second relais away from a directory. The kernel gives
 * it up with the process that holds it, so that a stale one is no obstacle
 * (flock(2)).
 *
 * @module
 */

import { LocalError, LockedError } from "../errors.ts";
import { systemReason } from "../text/system-reason.ts";

/** A held lock; given up when disposed of, once and for all. */
export class Lock implements Disposable {
  #file: Deno.FsFile | undefined;

  private constructor(file: Deno.FsFile | undefined) {
    this.#file = file;
  }

  /**
   * Takes the lock of `directory`, which is made if it is missing.
   *
   * @throws {LockedError} If another process holds it.
   * @throws {LocalError} If the directory cannot be used.
   */
  static take(directory: string): Lock {
    try {
      Deno.mkdirSync(directory, { recursive: true, mode: 0o750 });
      const file = Deno.openSync(pathIn(directory), {
        read: true,
        write: true,
        create: true,
        mode: 0o640,
      });
      return Lock.#hold(file, directory);
    } catch (error) {
      if (error instanceof LockedError) throw error;
      throw new LocalError(
        `Cannot use ${directory}: ${systemReason(error)}`,
        {
          cause: error,
          hint: `check the owner, permissions and free space of ${directory}`,
        },
      );
    }
  }

  static #hold(file: Deno.FsFile, directory: string): Lock {
    if (file.tryLockSync(true)) return new Lock(file);
    file.close();
    throw new LockedError(
      `Cannot use ${directory}: another relais uses it`,
      { hint: "wait until it ends, or find it with pgrep -a relais" },
    );
  }

  [Symbol.dispose](): void {
    // Closing alone is not enough: a child that is about to be started has the
    // file open too, for a moment (fork(2)).
    this.#file?.unlockSync();
    this.#file?.close();
    this.#file = undefined;
  }
}

function pathIn(directory: string): string {
  return `${directory}/lock`;
}
