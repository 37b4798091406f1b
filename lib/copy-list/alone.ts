/**
 * Copying by one relais, which alone changes the copy.
 *
 * @module
 */

import type { Channel } from "../worker/channel.ts";
import type { Logger } from "../worker/logger.ts";
import { describe } from "../errors.ts";
import type { Moves } from "../files/moves.ts";
import { Staging } from "../files/staging.ts";
import type { SynchroListOperations } from "../synchro-list/operations.ts";
import { tidy } from "./tidy.ts";
import type { Ledger, Tools } from "./tools.ts";
import type { Outcome, Run, Work } from "./work.ts";

/** Means of one relais to copy. */
interface Means extends Pick<Tools, "destination"> {
  /** What is moved into place, and out of it. */
  readonly moves: Moves;
  list(): Channel<SynchroListOperations>;
  readonly log: Pick<Logger, "info" | "warning">;
  /** Names of the servers whose sets may be in the making. */
  readonly assembledFrom: readonly string[];
}

/** Copies alone. */
export class Alone implements Work {
  readonly #means: Means;

  constructor(means: Means) {
    this.#means = means;
  }

  async recover(): Promise<void> {
    const { destination, log } = this.#means;
    destination.forget();
    const list = this.#means.list();
    const { moves, failed } = await this.#means.moves.recover({
      arrived: (server, files) => list.ask("arrived", { server, files }),
      removed: (paths) => list.ask("removed", { paths }),
      shown: (server, shown) => list.ask("shown", { server, ...shown }),
    });
    if (moves > 0) log.info(`settled ${moves} interrupted renames of files`);
    for (const { error } of failed) log.warning(describe(error));
  }

  async copy(server: string, run: Run): Promise<Outcome> {
    const { destination, moves } = this.#means;
    return await run({
      staging: new Staging(destination.staging, destination.rights),
      moves,
      ledger: this.#ledgerOf(server),
    });
  }

  async tidy(server: string): Promise<number> {
    const { destination, assembledFrom } = this.#means;
    return await tidy(
      new Staging(destination.staging),
      // What a set still lacks may take long to come, and from another server.
      ...(assembledFrom.length === 0 ? [server] : assembledFrom)
        .map((name) => this.#ledgerOf(name)),
    );
  }

  stop(): void {
    // It waits for nobody.
  }

  /** The synchronised list, as one server's entries stand in it. */
  #ledgerOf(server: string): Ledger {
    const list = this.#means.list();
    return {
      wanted: (last, limit, unit) =>
        list.ask("wanted", {
          ...{ server, last, limit },
          ...unit === undefined ? {} : { unit },
        }),
      arrived: (files) => list.ask("arrived", { server, files }),
      failed: (files) => list.ask("failed", { server, files }),
    };
  }
}
