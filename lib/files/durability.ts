/**
 * Barriers, which make files survive a power cut.
 *
 * A batch goes so: stage its files, barrier, rename them, barrier, and only
 * then commit that they are there. One barrier serves all files of a batch,
 * where one `fsync` a file would take the disk's whole time.
 *
 * @module
 */

import { LocalError, LostWritesError } from "../errors.ts";

/** Makes barriers, with `sync -f` (coreutils, syncfs(2)) where it can. */
export class Durability {
  #syncfs = true;
  /** When each barrier under way began, the oldest first. */
  readonly #underWay = new Set<{ readonly since: number }>();

  /** For how long the barrier under way has lasted, in milliseconds; 0: there is none. */
  get lastsMs(): number {
    const [oldest] = this.#underWay;
    return oldest === undefined ? 0 : performance.now() - oldest.since;
  }

  /**
   * Returns when all that was written to the file system of `directory` before
   * would survive a power cut.
   *
   * @throws {LostWritesError} If the disk refuses: then nothing is certain of what was written since the last barrier.
   * @throws {LocalError} If there is no way to ask it.
   */
  async barrier(directory: string): Promise<void> {
    const barrier = { since: performance.now() };
    this.#underWay.add(barrier);
    try {
      await this.#flush(directory);
    } finally {
      this.#underWay.delete(barrier);
    }
  }

  async #flush(directory: string): Promise<void> {
    const args = this.#syncfs ? ["-f", directory] : [];
    const { success, stderr } = await run(args);
    if (success) return;
    const said = new TextDecoder().decode(stderr).trim();
    // An old busybox knows no -f: without it everything is written, which takes longer.
    if (this.#syncfs && /invalid option|unrecognized|usage/i.test(said)) {
      this.#syncfs = false;
      return await this.#flush(directory);
    }
    throw new LostWritesError(`Cannot make ${directory} durable: ${said}`, {
      hint: "read the disk errors in the kernel log (dmesg)",
    });
  }
}

async function run(args: string[]): Promise<Deno.CommandOutput> {
  try {
    return await new Deno.Command("sync", {
      args,
      stdin: "null",
      // A module may hand on no LD_LIBRARY_PATH, and sync needs nothing of it all.
      clearEnv: true,
    }).output();
  } catch (error) {
    throw new LocalError(`Cannot run sync: ${(error as Error).message}`, {
      cause: error,
      hint: "install coreutils or busybox",
    });
  }
}
