/**
 * One pass: test servers, synchronise the list, copy, report.
 *
 * @module
 */

import type { Channel } from "../worker/channel.ts";
import type { Deletion } from "../config/config.ts";
import type { PublishedList } from "../list/cursor.ts";
import {
  exitStatus,
  type Failure,
  StoppedError,
  toFailure,
} from "../errors.ts";
import type { PassReport } from "../state/pass-report.ts";
import type { Backlog } from "../state/left.ts";
import type { Copied, CopyListOperations } from "../copy-list/operations.ts";
import type {
  Probed,
  TestServerOperations,
} from "../test-server/operations.ts";
import type {
  SynchroListOperations,
  Synchronised,
} from "../synchro-list/operations.ts";
import type { Told } from "../republish/freshen.ts";
import { isFatal, nothingMissing, PassAccount } from "./account.ts";
import { copies, removals } from "./plan.ts";
import type { Stage } from "../progress/progress.ts";
import { StallWatch } from "./stall-watch.ts";

/** The modules, as a pass needs them: started when first asked for. */
export interface Crew {
  testServer(): Promise<Channel<TestServerOperations>>;
  synchroList(): Promise<Channel<SynchroListOperations>>;
  copyList(): Promise<Channel<CopyListOperations>>;
}

export interface PassOptions {
  /** Changes with whatever in the configuration decides what is wanted. */
  readonly fingerprint: string;
  readonly delete: Deletion;
  /** True if other replicas read from this one. */
  readonly republish: boolean;
  readonly dryRun: boolean;
  /** Bytes a pass may transfer. */
  readonly maxTransfer: number | undefined;
  /** What happened before the pass, and is told with it. */
  readonly remarks: readonly Failure[];
  /** Ends the pass in good order. */
  readonly signal: AbortSignal;
  /** Bytes that arrived from servers so far. */
  readonly received: () => bigint;
  /** Hears what the pass does from now on. */
  readonly onStage?: ((stage: Stage) => void) | undefined;
  /** Is given the new files, of one set where files come in sets; throws if they could not be announced. */
  readonly announce?: (
    paths: readonly string[],
    set?: string,
  ) => Promise<void>;
  /** True if files come in sets. @default false */
  readonly sets?: boolean;
  /** True if sets were being shown when relais ended: they are completed before anything else. @default false */
  readonly isInterrupted?: boolean;
  /** Tells other replicas that the publisher of a list lives that has nothing new; returns false if it is not shown to them yet. */
  readonly freshen?: (list: PublishedList, told: Told) => Promise<boolean>;
  /** Server to copy from, together with the node that leads and does all else; `null`: there is nothing to copy. @default this one leads, or is alone */
  readonly helpsWith?: { readonly server: string | null } | undefined;
  /** Hears that another server than before is the active one. */
  readonly onSwitch?: (probed: Probed) => Promise<void>;
}

/** How a pass went, and all that went wrong in it. */
export interface PassOutcome {
  readonly report: PassReport;
  readonly probed: Probed;
  /** What the administrator must read, in the order it happened. */
  readonly failures: readonly Failure[];
}

/** What is known of a pass that was stopped before it began. */
const notProbed: Probed = {
  active: null,
  activeSince: 0,
  previous: null,
  reason: "",
  probes: [],
  relays: [],
  wireBytes: 0,
  left: { unannounced: false, lagSeconds: 0, missing: nothingMissing },
};

/** How long what is under way may take to arrive when a pass is stopped. */
const graceMs = 2_000;

/** How many times a pass goes on after it lost its server. */
const attempts = 3;

/**
 * Runs one pass. What goes wrong is part of what it returns.
 *
 * @throws {RemoteFailure} If a module itself failed, or the state is damaged.
 */
export async function runPass(
  crew: Crew,
  options: PassOptions,
): Promise<PassOutcome> {
  const pass = new Pass(crew, options);
  await pass.run();
  return pass.outcome();
}

class Pass {
  readonly #crew: Crew;
  readonly #options: PassOptions;
  readonly #account: PassAccount;
  #probed: Probed = notProbed;
  /** What led away from a server that fell silent in the middle of its work. */
  #elsewhere: Probed | undefined;
  /** Servers with a list, a tree or an SFTP that cannot be used, and why. */
  readonly #unusable: Record<string, Failure> = {};
  #hasAnnounced = false;
  /** Bytes that copying took, from all servers. */
  #transferred = 0;

  constructor(crew: Crew, options: PassOptions) {
    this.#crew = crew;
    this.#options = options;
    this.#account = new PassAccount(options.remarks);
  }

  async run(): Promise<void> {
    if (this.#options.helpsWith !== undefined) {
      return await this.#help(this.#options.helpsWith.server);
    }
    if (this.#options.isInterrupted) await this.#recover();
    await this.#takeFromServers();
    await this.#announceLeft();
  }

  /** Copies what the node that leads wants. */
  async #help(server: string | null): Promise<void> {
    const probed = await this.#try(() => this.#choose());
    if (probed === undefined || server === null) return;
    const list = await this.#crew.synchroList();
    const backlog = await list.ask("backlog", { server });
    this.#options.onStage?.({ module: "copy-list", server, backlog });
    await this.#copy(server);
    this.#account.addBacklog(await list.ask("backlog", { server }));
    this.#account.missing = await list.ask("missing", { server });
  }

  async #takeFromServers(): Promise<void> {
    for (let attempt = 0; attempt < attempts; attempt++) {
      this.#account.forgetLoss();
      if (this.#options.signal.aborted) {
        return this.#account.note(toFailure(stopped()));
      }
      const lost = this.#probed.active;
      const probed = await this.#try(() => this.#choose());
      // What failed on one server may well be had from another.
      if (probed?.active !== lost) this.#account.forgetFailed();
      if (probed === undefined || probed.active === null) return;
      const isDone = attempt === 0 && isUnchanged(probed) &&
        await this.#freshen(probed);
      if (isDone) this.#unchanged(probed);
      // A server that was lost on the way is probed again: another one may serve.
      else if (!await this.#passFrom(probed.active)) continue;
      return await this.#learnFromOthers(probed);
    }
  }

  outcome(): PassOutcome {
    const probed = this.#probed;
    const { plan, failures } = this.#account;
    const report = {
      ...this.#account.report(probed),
      ...(this.#options.dryRun ? { plan } : {}),
    };
    return { report, probed, failures };
  }

  /** Probes all servers, unless that has just been done. */
  async #choose(): Promise<Probed> {
    this.#options.onStage?.({ module: "test-server" });
    const probed = this.#elsewhere ?? await this.#unlessStopped(this.#probe());
    this.#elsewhere = undefined;
    this.#probed = probed;
    this.#account.lagSeconds = probed.left.lagSeconds;
    this.#account.missing = probed.left.missing;
    const switched = probed.active !== null && probed.previous !== null &&
      probed.active !== probed.previous;
    if (switched) await this.#try(() => this.#options.onSwitch?.(probed));
    return probed;
  }

  async #probe(): Promise<Probed> {
    const testServer = await this.#crew.testServer();
    const { fingerprint } = this.#options;
    const probed = await testServer.ask("probe", {
      fingerprint,
      unusable: this.#unusable,
    });
    this.#account.addWireBytes(probed.wireBytes);
    return probed;
  }

  /** Waits for what changes nothing, and so need not end in good order. */
  async #unlessStopped<Result>(work: Promise<Result>): Promise<Result> {
    const { promise, reject } = Promise.withResolvers<never>();
    const stop = () => reject(stopped());
    work.catch(() => {/* it may fail after it was given up */});
    this.#options.signal.addEventListener("abort", stop, { once: true });
    try {
      return await Promise.race([work, promise]);
    } finally {
      this.#options.signal.removeEventListener("abort", stop);
    }
  }

  /**
   * Waits for `work`, which needs `server`. It is abandoned a while after the
   * pass was stopped, and when nothing arrives any more but another server would
   * serve.
   */
  async #whileServed<Result>(
    server: string,
    work: Promise<Result>,
  ): Promise<Result> {
    using _watch = new StallWatch(this.#options.received, async () => {
      // A module that died is found out by whoever waits for its work.
      const probed = await this.#probe().catch(() => notProbed);
      if (probed.active === null || probed.active === server) return;
      this.#elsewhere = probed;
      await this.#abandon(`Lost ${server}: nothing arrives from it any more`);
    });
    let late: ReturnType<typeof setTimeout> | undefined;
    const stop = () => {
      late = setTimeout(() => this.#abandon("the pass was stopped"), graceMs);
    };
    const { signal } = this.#options;
    signal.addEventListener("abort", stop, { once: true });
    try {
      return await work;
    } finally {
      clearTimeout(late);
      signal.removeEventListener("abort", stop);
    }
  }

  /** Lets go of whatever a server was asked for. */
  async #abandon(reason: string): Promise<void> {
    const list = await this.#crew.synchroList();
    const given = [list.ask("abandon", null)];
    if (!this.#options.dryRun) {
      const copyList = await this.#crew.copyList();
      given.push(copyList.ask("abandon", { reason }));
    }
    // What cannot let go any more has nothing in its hands.
    await Promise.allSettled(given);
  }

  #unchanged({ probes, active }: Probed): void {
    const probe = probes.find(({ server }) => server === active);
    this.#account.generation = probe?.list?.generation ?? null;
  }

  /** Passes the heartbeat of an unchanged list on; returns false if there is more to do for those who read from here. */
  async #freshen(probed: Probed): Promise<boolean> {
    const { freshen, dryRun } = this.#options;
    const list = probed.probes.find(({ server }) => server === probed.active)
      ?.list;
    if (freshen === undefined || dryRun || !list) return true;
    return await this.#try(() => freshen(list, toldBy(probed))) ?? true;
  }

  /** Does all that is to be done with one server; returns false if it was lost meanwhile. */
  async #passFrom(server: string): Promise<boolean> {
    const list = await this.#crew.synchroList();
    if (!await this.#recover()) return true;
    this.#options.onStage?.({ module: "synchro-list", server });
    const synchronised = await this.#try(() =>
      this.#whileServed(
        server,
        list.ask("synchronise", { server, active: true }),
      )
    );
    if (synchronised === undefined) {
      this.#noteUnusable(server, this.#account.failures.at(-1));
      return !this.#account.lostServer;
    }
    this.#account.addSynchronised(synchronised);
    this.#account.missing = await list.ask("missing", { server });
    if (this.#options.dryRun) {
      await this.#plan(list, server);
      return true;
    }
    const backlog = await list.ask("backlog", { server });
    if (await this.#isAnythingToCopy(list, server, backlog)) {
      this.#options.onStage?.({ module: "copy-list", server, backlog });
      const lost = await this.#copy(server);
      if (lost) return false;
      // A file of another server's list is one of that one's sets.
      if (!this.#options.sets) await this.#copySlowElsewhere(server);
    }
    // What was withdrawn goes when the lines that say so are there.
    if (!await this.#republish(server)) return false;
    await this.#tidy(server);
    await this.#amend();
    if (this.#options.delete !== "keep") {
      const removed = await this.#remove(server);
      // What was withdrawn may have been in the way of what is new.
      if (removed > 0 && this.#account.forgetBlocked()) {
        const lost = await this.#copy(server);
        if (lost) return false;
      }
      if (removed > 0 && !await this.#republish(server)) return false;
    }
    await this.#announce(list);
    this.#account.missing = await list.ask("missing", { server });
    await this.#settle(
      server,
      synchronised,
      await list.ask("backlog", { server }),
    );
    return true;
  }

  /**
   * Reads what the lists of the other servers have gained: a failover then begins
   * with what is known, and only so is it known in which order versions followed
   * each other. What goes wrong here is no failure of the pass.
   */
  async #learnFromOthers({ active, previous, probes }: Probed): Promise<void> {
    if (this.#options.dryRun) return;
    let gained = false;
    for (const { server, verdict, list, read } of probes) {
      const serves = verdict === "up" || verdict === "stale";
      if (server === active || !serves) continue;
      // Trees are walked where files come from, and once more when they no longer do.
      const isLeft = list === null && server === previous;
      if (isLeft || !read) gained = await this.#readOther(server) || gained;
    }
    // What the active server never named, only they can withdraw.
    if (!gained || this.#options.delete === "keep") return;
    if (await this.#recover()) await this.#remove(active!);
  }

  /** Reads what the list of a server has gained; returns whether that was anything. */
  async #readOther(server: string): Promise<boolean> {
    if (this.#options.signal.aborted) return false;
    const list = await this.#crew.synchroList();
    try {
      const { wireBytes, seen } = await this.#unlessStopped(
        list.ask("synchronise", { server, active: false }),
      );
      this.#account.addWireBytes(wireBytes);
      return seen > 0;
    } catch (error) {
      const failure = toFailure(error);
      if (isFatal(failure)) throw error;
      if (this.#options.signal.aborted) await this.#abandon(failure.message);
      return false;
    }
  }

  /** Remembers a server that would fail again in the same way, however well it answers a probe. */
  #noteUnusable(server: string, failure: Failure | null | undefined): void {
    if (failure?.name === "UnusableError") this.#unusable[server] = failure;
  }

  /** Settles what a crash left behind, before anything is judged by it; returns whether that was possible. */
  async #recover(): Promise<boolean> {
    if (this.#options.dryRun) return true;
    const copyList = await this.#crew.copyList();
    const settled = await this.#try(() =>
      this.#stoppably(copyList, () => copyList.ask("recover", null))
    );
    return settled !== undefined;
  }

  /** Where files come in sets, a set may only take away, and one that has not ended waits. */
  async #isAnythingToCopy(
    list: Channel<SynchroListOperations>,
    server: string,
    { pending }: Backlog,
  ): Promise<boolean> {
    if (!this.#options.sets) return pending > 0;
    return (await list.ask("sets", { server })).length > 0;
  }

  /** Copies what is wanted; returns whether the server was lost. */
  async #copy(server: string): Promise<boolean> {
    const copyList = await this.#crew.copyList();
    // A signal that came already would never be heard again.
    if (this.#options.signal.aborted) {
      this.#account.note(toFailure(stopped()));
      return false;
    }
    const without = [...this.#account.failed.keys()];
    const asked = { server, maxTransfer: this.#leftToTransfer, without };
    const copied = await this.#try(() =>
      this.#whileServed(
        server,
        this.#stoppably(copyList, () => copyList.ask("copy", asked)),
      )
    );
    if (copied === undefined) return this.#account.lostServer;
    this.#addCopied(copied);
    this.#noteUnusable(server, copied.ended);
    return copied.ended?.exitStatus === exitStatus.unavailable;
  }

  /** Has copy-list do some work, until that is done or the pass is stopped. */
  async #stoppably<Result>(
    copyList: Channel<CopyListOperations>,
    work: () => Promise<Result>,
  ): Promise<Result> {
    const stop = () => copyList.ask("stop", null).catch(() => {});
    this.#options.signal.addEventListener("abort", stop, { once: true });
    try {
      return await work();
    } finally {
      this.#options.signal.removeEventListener("abort", stop);
    }
  }

  /** Asks other servers that are up for what `server` gave too slowly; what goes wrong with them is no news. */
  async #copySlowElsewhere(server: string): Promise<void> {
    const others = this.#probed.probes.filter((probe) =>
      probe.server !== server && probe.verdict === "up"
    );
    for (const { server: other } of others) {
      const { slow: only } = this.#account;
      if (only.length === 0 || this.#options.signal.aborted) return;
      try {
        const list = await this.#crew.synchroList();
        await list.ask("synchronise", { server: other, active: false });
        const copyList = await this.#crew.copyList();
        const maxTransfer = this.#leftToTransfer;
        const asked = { server: other, maxTransfer, without: [], only };
        const copied = await this.#stoppably(
          copyList,
          () => copyList.ask("copy", asked),
        );
        this.#addCopied({ ...copied, ended: null });
      } catch {
        // The file is told with what was wrong on the server that it is taken from.
      }
    }
  }

  #addCopied(copied: Copied): void {
    this.#transferred += copied.wireBytes;
    this.#account.addCopied(copied);
  }

  /** `maxTransfer` is for the pass, however often it copies. */
  get #leftToTransfer(): number | undefined {
    const { maxTransfer } = this.#options;
    return maxTransfer && Math.max(0, maxTransfer - this.#transferred);
  }

  /** Shows other replicas what is here by now; returns false if the server was lost meanwhile. */
  async #republish(server: string): Promise<boolean> {
    const { republish, signal } = this.#options;
    if (!republish || signal.aborted) return true;
    const copyList = await this.#crew.copyList();
    const asked = { server, ...toldBy(this.#probed) };
    const shown = await this.#try(() =>
      this.#whileServed(server, copyList.ask("republish", asked))
    );
    if (shown === undefined) return !this.#account.lostServer;
    this.#account.addWireBytes(shown.wireBytes);
    return true;
  }

  async #tidy(server: string): Promise<void> {
    const copyList = await this.#crew.copyList();
    await this.#try(() => copyList.ask("tidy", { server }));
  }

  /** Brings what is here in line with rights that the configuration has changed. */
  async #amend(): Promise<void> {
    const copyList = await this.#crew.copyList();
    const failed = await this.#try(() => copyList.ask("amend", null)) ?? [];
    this.#account.addFailed(failed);
  }

  /** Removes what was withdrawn; returns how many files went. */
  async #remove(server: string): Promise<number> {
    const copyList = await this.#crew.copyList();
    const outcome = await this.#try(() => copyList.ask("remove", { server }));
    if (outcome === undefined) return 0;
    this.#account.addRemoved(outcome);
    return outcome.removed;
  }

  /** Announces what a hook that failed, or a server that was lost, has left. */
  async #announceLeft(): Promise<void> {
    const { dryRun, signal, announce } = this.#options;
    if (dryRun || signal.aborted || announce === undefined) return;
    const isLeft = this.#probed.left.unannounced || this.#account.hasCopied;
    if (!isLeft || this.#hasAnnounced) return;
    await this.#announce(await this.#crew.synchroList());
  }

  /** At least once: only what the hook was told of without failing is remembered as told. */
  async #announce(list: Channel<SynchroListOperations>): Promise<void> {
    const { announce } = this.#options;
    if (announce === undefined) return;
    this.#hasAnnounced = true;
    if (this.#options.sets && !await this.#announceSets(list, announce)) return;
    const paths = await list.ask("unannounced", null);
    if (paths.length === 0) return;
    await this.#try(async () => {
      await announce(paths);
      await list.ask("announced", { paths });
    });
  }

  /** Announces set by set; returns false if the hook failed: the next pass goes on there. */
  async #announceSets(
    list: Channel<SynchroListOperations>,
    announce: NonNullable<PassOptions["announce"]>,
  ): Promise<boolean> {
    for (;;) {
      const set = await list.ask("unannouncedSet", null);
      if (set === null) return true;
      const { number, name, paths } = set;
      const told = await this.#try(async () => {
        await announce(paths, name);
        return await list.ask("announcedSet", { number });
      });
      if (told === undefined) return false;
    }
  }

  async #plan(
    list: Channel<SynchroListOperations>,
    server: string,
  ): Promise<void> {
    const { plan } = this.#account;
    const units = this.#options.sets
      ? (await list.ask("sets", { server })).map(({ unit }) => unit)
      : [undefined];
    for (const unit of units) {
      for await (const action of copies(list, server, unit)) plan.push(action);
    }
    if (this.#options.delete === "keep") return;
    await this.#try(async () => {
      for await (const action of removals(list, server)) plan.push(action);
    });
  }

  /** Lets the next probe end its pass, if there is nothing left to do. */
  async #settle(
    server: string,
    { cursor }: Synchronised,
    backlog: Backlog,
  ): Promise<void> {
    this.#account.addBacklog(backlog);
    const done = backlog.pending === 0 && backlog.lagSeconds === 0 &&
      this.#account.isClean;
    if (!done || cursor === null) return;
    const testServer = await this.#crew.testServer();
    const { fingerprint } = this.#options;
    await testServer.ask("settle", { server, cursor, fingerprint });
  }

  /** Runs one step; what goes wrong with it is noted, unless a module itself failed. */
  async #try<Result>(
    step: () => Promise<Result> | undefined,
  ): Promise<Result | undefined> {
    try {
      return await step();
    } catch (error) {
      this.#account.note(toFailure(error), error);
      return undefined;
    }
  }
}

/** What others are told of the list that the active server had when it was probed; a tree is as old as the probe. */
function toldBy({ active, probes, relays }: Probed): Told {
  const probe = probes.find(({ server }) => server === active);
  const list = probe?.list ?? { mtime: Math.floor(Date.now() / 1_000) };
  return { heartbeat: list.mtime, relays };
}

function stopped(): StoppedError {
  return new StoppedError("stopped before all was done");
}

function isUnchanged({ probes, active }: Probed): boolean {
  return probes.some(({ server, unchanged }) => server === active && unchanged);
}
