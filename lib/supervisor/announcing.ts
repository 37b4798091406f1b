/**
 * Telling the hook what is new. Only what it was told of without failing is
 * remembered as told, so that it hears of each file at least once.
 *
 * @module
 */

import type { SynchroListOperations } from "../synchro-list/operations.ts";
import type { Channel } from "../worker/channel.ts";
import type { PassAccount } from "./account.ts";
import type { Crew, PassOptions } from "./pass-options.ts";

type Announce = NonNullable<PassOptions["announce"]>;

/** Announces what a pass, and those before it, have brought. */
export class Announcing {
  readonly #crew: Crew;
  readonly #options: PassOptions;
  readonly #account: PassAccount;
  #hasAnnounced = false;

  constructor(crew: Crew, options: PassOptions, account: PassAccount) {
    this.#crew = crew;
    this.#options = options;
    this.#account = account;
  }

  /** Announces what a hook that failed, or a server that was lost, has left; `isAnyLeft` tells of earlier passes. */
  async announceLeft(isAnyLeft: boolean): Promise<void> {
    const { dryRun, signal } = this.#options;
    if (dryRun || signal.aborted || this.#hasAnnounced) return;
    if (isAnyLeft || this.#account.hasCopied) await this.announce();
  }

  /** Announces what has not been announced. */
  async announce(): Promise<void> {
    const { announce, sets } = this.#options;
    if (announce === undefined) return;
    this.#hasAnnounced = true;
    const list = await this.#crew.synchroList();
    if (sets && !await this.#announceSets(list, announce)) return;
    const paths = await list.ask("unannounced", null);
    if (paths.length === 0) return;
    await this.#account.attempt(async () => {
      await announce(paths);
      await list.ask("announced", { paths });
    });
  }

  /** Announces set by set; returns false if the hook failed: the next pass goes on there. */
  async #announceSets(
    list: Channel<SynchroListOperations>,
    announce: Announce,
  ): Promise<boolean> {
    for (;;) {
      const set = await list.ask("unannouncedSet", null);
      if (set === null) return true;
      const { number, name, paths } = set;
      const told = await this.#account.attempt(async () => {
        await announce(paths, name);
        return await list.ask("announcedSet", { number });
      });
      if (told === undefined) return false;
    }
  }
}
