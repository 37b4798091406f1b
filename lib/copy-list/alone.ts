/**
 * Copying by one relais, which alone changes the copy.
 *
 * @module
 */

import type { Channel } from "../worker/channel.ts";
import type { Logger } from "../worker/logger.ts";
import { pagesOf } from "../worker/pages.ts";
import { describe } from "../errors.ts";
import type { Moves } from "../files/moves.ts";
import { Staging } from "../files/staging.ts";
import { dayOf } from "../text/timestamp.ts";
import type { SynchroListOperations } from "../synchro-list/operations.ts";
import { emptyTrash, type Removal, type Removed, takeAway } from "./remove.ts";
import { tidy } from "./tidy.ts";
import type { Ledger, Tools } from "./tools.ts";
import type { Outcome, Run, Work } from "./work.ts";

/** Files that are noted, taken away and committed together. */
const batch = 2_000;

/** Means of one relais to copy. */
interface Means extends Pick<Tools, "destination" | "durability"> {
  /** What is moved into place, and out of it. */
  readonly moves: Moves;
  list(): Channel<SynchroListOperations>;
  readonly log: Pick<Logger, "info" | "warning">;
  /** Names of the servers whose sets may be in the making. */
  readonly assembledFrom: readonly string[];
  readonly removal: Removal;
  /** Hears of files that are gone, durably. */
  onRemoved(files: number): void;
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

  async remove(server: string): Promise<Removed> {
    const { destination, removal } = this.#means;
    emptyTrash(destination, removal);
    const total: Removed = { removed: 0, failed: [] };
    if (removal.delete === "keep") return total;
    const list = this.#means.list();
    const pages = pagesOf<{ readonly path: string }>((last) =>
      list.ask("withdrawn", {
        server,
        after: last?.path ?? null,
        limit: batch,
      })
    );
    for await (const withdrawn of pages) {
      await this.#removeBatch(withdrawn.map(({ path }) => path), total);
    }
    return total;
  }

  /** Note, barrier, take away, barrier, then commit: see docs/durability.md. */
  async #removeBatch(
    paths: readonly string[],
    total: Removed,
  ): Promise<void> {
    const { destination, durability, moves, removal } = this.#means;
    moves.leaving(paths);
    await durability.barrier(destination.into);
    const day = dayOf(Date.now());
    const { gone, failed } = await takeAway(destination, paths, (path) => {
      if (removal.delete === "trash") destination.trash(path, day);
      else destination.remove(path);
      return true;
    });
    await durability.barrier(destination.into);
    await this.#means.list().ask("removed", { paths: gone });
    this.#means.onRemoved(gone.length);
    moves.settled();
    total.removed += gone.length;
    total.failed.push(...failed);
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
          server,
          last,
          limit,
          ...unit === undefined ? {} : { unit },
        }),
      arrived: (files) => list.ask("arrived", { server, files }),
      failed: (files) => list.ask("failed", { server, files }),
    };
  }
}
