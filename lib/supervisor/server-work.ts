/**
 * What a pass does with one server: synchronise its list, copy what is wanted,
 * remove what was withdrawn, and show all that to others.
 *
 * @module
 */

import type { Copied } from "../copy-list/operations.ts";
import { toFailure } from "../errors.ts";
import type { Told } from "../republish/freshen.ts";
import type { Backlog } from "../state/left.ts";
import type { Synchronised } from "../synchro-list/operations.ts";
import type { Probed } from "../test-server/operations.ts";
import { endsServing, type PassAccount } from "./account.ts";
import type { Announcing } from "./announcing.ts";
import type { Crew, PassOptions } from "./pass-options.ts";
import { plan } from "./plan.ts";
import { stopped, type Waiting } from "./waiting.ts";

/** Servers that were probed, of which one serves. */
export type Served = Probed & { readonly active: string };

/** Works on the servers of one pass, one after the other. */
export class ServerWork {
  readonly #crew: Crew;
  readonly #options: PassOptions;
  readonly #account: PassAccount;
  readonly #waiting: Waiting;
  readonly #announcing: Announcing;

  constructor(
    crew: Crew,
    options: PassOptions,
    account: PassAccount,
    waiting: Waiting,
    announcing: Announcing,
  ) {
    this.#crew = crew;
    this.#options = options;
    this.#account = account;
    this.#waiting = waiting;
    this.#announcing = announcing;
  }

  /** Does all that is to be done with the active server; returns false if it was lost meanwhile. */
  async run(probed: Served): Promise<boolean> {
    const { active: server } = probed;
    const list = await this.#crew.synchroList();
    if (!await this.recover()) return true;
    const synchronised = await this.#synchronise(server);
    if (synchronised === undefined) return !this.#account.lostServer;
    this.#account.missing = await list.ask("missing", { server });
    if (this.#options.dryRun) {
      await this.#plan(server);
      return true;
    }
    if (!await this.#copyAll(probed)) return false;
    // What was withdrawn goes when the lines that say so are there.
    if (!await this.#republish(probed)) return false;
    await this.#tidy(server);
    await this.#amend();
    if (!await this.#removeAll(probed)) return false;
    await this.#announcing.announce();
    this.#account.missing = await list.ask("missing", { server });
    await this.#settle(server, synchronised);
    return true;
  }

  /** Settles what a crash left behind, before anything is judged by it; returns whether that was possible. */
  async recover(): Promise<boolean> {
    if (this.#options.dryRun) return true;
    const copyList = await this.#crew.copyList();
    const settled = await this.#account.attempt(() =>
      this.#waiting.stoppably(copyList, () => copyList.ask("recover", null))
    );
    return settled !== undefined;
  }

  /** Copies what is wanted; returns whether the server was lost. */
  async copy(server: string): Promise<boolean> {
    const copyList = await this.#crew.copyList();
    // A signal that came already would never be heard again.
    if (this.#options.signal.aborted) {
      this.#account.note(toFailure(stopped()));
      return false;
    }
    const without = [...this.#account.failed.keys()];
    const asked = { server, maxTransfer: this.#leftToTransfer, without };
    const copied = await this.#account.attempt(() =>
      this.#waiting.whileServed(
        server,
        this.#waiting.stoppably(copyList, () => copyList.ask("copy", asked)),
      )
    );
    if (copied === undefined) return this.#account.lostServer;
    this.#account.addCopied(copied);
    this.#account.noteUnusable(server, copied.ended);
    return copied.ended !== null && endsServing(copied.ended);
  }

  /** Removes what was withdrawn; returns how many files went. */
  async remove(server: string): Promise<number> {
    const copyList = await this.#crew.copyList();
    const outcome = await this.#account.attempt(() =>
      this.#waiting.stoppably(
        copyList,
        () => copyList.ask("remove", { server }),
      )
    );
    if (outcome === undefined) return 0;
    this.#account.addRemoved(outcome);
    return outcome.removed;
  }

  async #synchronise(server: string): Promise<Synchronised | undefined> {
    this.#options.onStage?.({ module: "synchro-list", server });
    const list = await this.#crew.synchroList();
    const synchronised = await this.#account.attempt(() =>
      this.#waiting.whileServed(
        server,
        list.ask("synchronise", { server, active: true }),
      )
    );
    if (synchronised !== undefined) {
      this.#account.addSynchronised(synchronised);
    } else this.#account.noteUnusable(server, this.#account.failures.at(-1));
    return synchronised;
  }

  /** Copies what is wanted, from wherever it can be had; returns false if the server was lost meanwhile. */
  async #copyAll(
    probed: Served,
  ): Promise<boolean> {
    const { active: server } = probed;
    const list = await this.#crew.synchroList();
    const backlog = await list.ask("backlog", { server });
    if (!await this.#isAnythingToCopy(server, backlog)) return true;
    this.#options.onStage?.({ module: "copy-list", server, backlog });
    const lost = await this.copy(server);
    if (lost) return false;
    // A file of another server's list is one of that one's sets.
    if (!this.#options.sets) await this.#copySlowElsewhere(probed);
    return true;
  }

  /** Where files come in sets, a set may only take away, and one that has not ended waits. */
  async #isAnythingToCopy(
    server: string,
    { pending }: Backlog,
  ): Promise<boolean> {
    if (!this.#options.sets) return pending > 0;
    const list = await this.#crew.synchroList();
    return (await list.ask("sets", { server })).length > 0;
  }

  /** Asks other servers that are up for what the active one gave too slowly; what goes wrong with them is no news. */
  async #copySlowElsewhere({ active, probes }: Probed): Promise<void> {
    const others = probes.filter(({ server, verdict }) =>
      server !== active && verdict === "up"
    );
    for (const { server } of others) {
      const { slow: only } = this.#account;
      if (only.length === 0 || this.#options.signal.aborted) return;
      try {
        const list = await this.#crew.synchroList();
        await list.ask("synchronise", { server, active: false });
        const copyList = await this.#crew.copyList();
        const maxTransfer = this.#leftToTransfer;
        const asked = { server, maxTransfer, without: [], only };
        const copied: Copied = await this.#waiting.stoppably(
          copyList,
          () => copyList.ask("copy", asked),
        );
        this.#account.addCopied({ ...copied, ended: null });
      } catch {
        // The file is told with what was wrong on the server that it is taken from.
      }
    }
  }

  /** `maxTransfer` is for the pass, however often it copies. */
  get #leftToTransfer(): number | undefined {
    const { maxTransfer } = this.#options;
    return maxTransfer &&
      Math.max(0, maxTransfer - this.#account.transferred);
  }

  /** Shows other replicas what is here by now; returns false if the server was lost meanwhile. */
  async #republish(
    probed: Served,
  ): Promise<boolean> {
    const { republish, signal } = this.#options;
    if (!republish || signal.aborted) return true;
    const { active: server } = probed;
    const copyList = await this.#crew.copyList();
    const asked = { server, ...toldBy(probed) };
    const shown = await this.#account.attempt(() =>
      this.#waiting.whileServed(server, copyList.ask("republish", asked))
    );
    if (shown === undefined) return !this.#account.lostServer;
    this.#account.addWireBytes(shown.wireBytes);
    return true;
  }

  async #tidy(server: string): Promise<void> {
    const copyList = await this.#crew.copyList();
    await this.#account.attempt(() => copyList.ask("tidy", { server }));
  }

  /** Brings what is here in line with rights that the configuration has changed. */
  async #amend(): Promise<void> {
    const copyList = await this.#crew.copyList();
    const failed = await this.#account.attempt(() =>
      copyList.ask("amend", null)
    );
    this.#account.addFailed(failed ?? []);
  }

  /** Removes what was withdrawn, and copies what that was in the way of; returns false if the server was lost meanwhile. */
  async #removeAll(
    probed: Served,
  ): Promise<boolean> {
    if (this.#options.delete === "keep") return true;
    const removed = await this.remove(probed.active);
    if (removed === 0) return true;
    if (this.#account.forgetBlocked()) {
      const lost = await this.copy(probed.active);
      if (lost) return false;
    }
    return await this.#republish(probed);
  }

  async #plan(server: string): Promise<void> {
    const list = await this.#crew.synchroList();
    const { sets = false, delete: deletion } = this.#options;
    const removes = deletion !== "keep";
    await this.#account.attempt(async () => {
      for await (const action of plan(list, server, { sets, removes })) {
        this.#account.plan.push(action);
      }
    });
  }

  /** Lets the next probe end its pass, if there is nothing left to do. */
  async #settle(server: string, { cursor }: Synchronised): Promise<void> {
    const list = await this.#crew.synchroList();
    const backlog = await list.ask("backlog", { server });
    this.#account.addBacklog(backlog);
    const done = backlog.pending === 0 && backlog.lagSeconds === 0 &&
      this.#account.isClean;
    if (!done || cursor === null) return;
    const testServer = await this.#crew.testServer();
    const { fingerprint } = this.#options;
    await testServer.ask("settle", { server, cursor, fingerprint });
  }
}

/** What others are told of the list that the active server had when it was probed; a tree is as old as the probe. */
export function toldBy({ active, probes, relays }: Probed): Told {
  const probe = probes.find(({ server }) => server === active);
  const list = probe?.list ?? { mtime: Math.floor(Date.now() / 1_000) };
  return { heartbeat: list.mtime, relays };
}
