/**
 * One pass: test servers, synchronise the list, copy, report.
 *
 * @module
 */

import { type Failure, toFailure } from "../errors.ts";
import type { PassReport } from "../state/pass-report.ts";
import type { Probed } from "../test-server/operations.ts";
import { isFatal, nothingMissing, PassAccount } from "./account.ts";
import { Announcing } from "./announcing.ts";
import type { Crew, PassOptions } from "./pass-options.ts";
import { type Served, ServerWork, toldBy } from "./server-work.ts";
import { statusOfStop } from "./signals.ts";
import { stopped, Waiting } from "./waiting.ts";

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
  left: {
    ...{ kept: null, unannounced: false, lagSeconds: 0 },
    missing: nothingMissing,
  },
};

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
  readonly #waiting: Waiting;
  readonly #announcing: Announcing;
  readonly #work: ServerWork;
  #probed: Probed = notProbed;
  /** What led away from a server that fell silent in the middle of its work. */
  #elsewhere: Probed | undefined;

  constructor(crew: Crew, options: PassOptions) {
    this.#crew = crew;
    this.#options = options;
    const account = new PassAccount(options.remarks);
    this.#account = account;
    this.#waiting = new Waiting(
      crew,
      options,
      (server) => this.#isServedElsewhere(server),
    );
    this.#announcing = new Announcing(crew, options, account);
    this.#work = new ServerWork(
      crew,
      options,
      account,
      this.#waiting,
      this.#announcing,
    );
  }

  async run(): Promise<void> {
    if (this.#options.helpsWith !== undefined) {
      return await this.#help(this.#options.helpsWith.server);
    }
    if (this.#options.isInterrupted) await this.#work.recover();
    await this.#takeFromServers();
    await this.#announcing.announceLeft(this.#probed.left.unannounced);
  }

  /** Copies what the node that leads wants. */
  async #help(server: string | null): Promise<void> {
    const probed = await this.#account.attempt(() => this.#choose());
    if (probed === undefined || server === null) return;
    const list = await this.#crew.synchroList();
    const backlog = await list.ask("backlog", { server });
    this.#options.onStage?.({ module: "copy-list", server, backlog });
    await this.#work.copy(server);
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
      const probed = await this.#account.attempt(() => this.#choose());
      // What failed on one server may well be had from another.
      if (probed?.active !== lost) this.#account.forgetFailed();
      if (probed === undefined || !isServed(probed)) return;
      if (!await this.#isCopyThere(probed.left.kept)) return;
      const isDone = attempt === 0 && isUnchanged(probed) &&
        await this.#freshen(probed);
      if (isDone) this.#unchanged(probed);
      // A server that was lost on the way is probed again: another one may serve.
      else if (!await this.#work.run(probed)) continue;
      return await this.#learnFromOthers(probed);
    }
  }

  /** Where the copy is gone, nothing may be judged by what the state says is here. */
  async #isCopyThere(kept: string | null): Promise<boolean> {
    if (kept === null) return true;
    const { assertCopy } = this.#options;
    const isThere = await this.#account.attempt(() =>
      Promise.try(() => {
        assertCopy(kept);
        return true;
      })
    );
    return isThere ?? false;
  }

  outcome(): PassOutcome {
    const probed = this.#probed;
    const { plan, failures } = this.#account;
    const stopped = statusOfStop(this.#options.signal);
    const report = {
      ...this.#account.report(probed, stopped),
      ...(this.#options.dryRun ? { plan } : {}),
    };
    return { report, probed, failures };
  }

  /** Probes all servers, unless that has just been done. */
  async #choose(): Promise<Probed> {
    this.#options.onStage?.({ module: "test-server" });
    const probed = this.#elsewhere ??
      await this.#waiting.unlessStopped(this.#probe());
    this.#elsewhere = undefined;
    this.#probed = probed;
    this.#account.lagSeconds = probed.left.lagSeconds;
    this.#account.missing = probed.left.missing;
    const switched = probed.active !== null && probed.previous !== null &&
      probed.active !== probed.previous;
    if (switched) {
      await this.#account.attempt(() => this.#options.onSwitch?.(probed));
    }
    return probed;
  }

  async #probe(): Promise<Probed> {
    const testServer = await this.#crew.testServer();
    const { fingerprint } = this.#options;
    const probed = await testServer.ask("probe", {
      fingerprint,
      unusable: this.#account.unusable,
    });
    this.#account.addWireBytes(probed.wireBytes);
    return probed;
  }

  /** Tells whether another server than `server` would serve; the next one is chosen without another probe then. */
  async #isServedElsewhere(server: string): Promise<boolean> {
    // A module that died is found out by whoever waits for its work.
    const probed = await this.#probe().catch(() => notProbed);
    if (!isServed(probed) || probed.active === server) return false;
    this.#elsewhere = probed;
    return true;
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
    return await this.#account.attempt(() => freshen(list, toldBy(probed))) ??
      true;
  }

  /**
   * Reads what the lists of the other servers have gained: a failover then begins
   * with what is known, and only so is it known in which order versions followed
   * each other. What goes wrong here is no failure of the pass.
   */
  async #learnFromOthers({ active, previous, probes }: Served): Promise<void> {
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
    if (await this.#work.recover()) await this.#work.remove(active);
  }

  /** Reads what the list of a server has gained; returns whether that was anything. */
  async #readOther(server: string): Promise<boolean> {
    if (this.#options.signal.aborted) return false;
    const list = await this.#crew.synchroList();
    try {
      const { wireBytes, seen } = await this.#waiting.unlessStopped(
        list.ask("synchronise", { server, active: false }),
      );
      this.#account.addWireBytes(wireBytes);
      return seen > 0;
    } catch (error) {
      const failure = toFailure(error);
      if (isFatal(failure)) throw error;
      if (this.#options.signal.aborted) {
        await this.#waiting.abandon(failure.message);
      }
      return false;
    }
  }
}

function isServed(probed: Probed): probed is Served {
  return probed.active !== null;
}

function isUnchanged({ probes, active }: Probed): boolean {
  return probes.some(({ server, unchanged }) => server === active && unchanged);
}
