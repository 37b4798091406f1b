/**
 * Whether a list that lost entries is believed. An administrator may say so on any node;
 * one that does not lead tells the leader, through the database.
 *
 * @module
 */

import type { Database } from "./database.ts";

const texts = {
  tell: "UPDATE current_pass SET accepts_shrink = true",
  hear: `
    UPDATE current_pass SET accepts_shrink = false
    WHERE accepts_shrink RETURNING 1`,
};

/** What an administrator has accepted, on this node or on another one. */
export class Acceptance {
  readonly #database: Database;
  readonly #isGiven: boolean;
  #isHeard = false;
  #isTold = false;

  /** @param isGiven See {@link SynchroListSettings.acceptShrink}. */
  constructor(database: Database, isGiven: boolean) {
    this.#database = database;
    this.#isGiven = isGiven;
  }

  /** True if this pass believes lists that lost entries. */
  get holds(): boolean {
    return this.#isGiven || this.#isHeard;
  }

  /** Hears, as the leader, what was told on other nodes; that counts for one pass. */
  async hear(): Promise<void> {
    this.#isHeard = (await this.#database.query(texts.hear)).length > 0;
  }

  /** Tells the leader, once, if there is anything to tell; returns whether it was told now. */
  async tell(): Promise<boolean> {
    if (!this.#isGiven || this.#isTold) return false;
    await this.#database.query(texts.tell);
    return this.#isTold = true;
  }
}
