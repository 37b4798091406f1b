/**
 * One pass: test servers, synchronise the list, copy, report.
 *
 * @module
 */

import type { Channel } from "../channel.ts";
import type { Deletion } from "../config/config.ts";
import {
  describe,
  exitStatus,
  type Failure,
  RefusedError,
  RemoteFailure,
  StoppedError,
  toFailure,
} from "../errors.ts";
import type {
  Backlog,
  Copied,
  CopyListOperations,
  FailedFile,
  PassReport,
  PlannedAction,
  Probed,
  SynchroListOperations,
  Synchronised,
  TestServerOperations,
  Wanted,
} from "../protocol.ts";
import { exitOf } from "./exit.ts";
import type { Stage } from "./stage.ts";
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
  readonly dryRun: boolean;
  /** Bytes a pass may transfer. */
  readonly maxTransfer: number | undefined;
  /** What happened before the pass, and is told with it. */
  readonly notices: readonly Failure[];
  /** Ends the pass in good order. */
  readonly signal: AbortSignal;
  /** Bytes that arrived from servers so far. */
  readonly received: () => bigint;
  /** Hears what the pass does from now on. */
  readonly onStage?: ((stage: Stage) => void) | undefined;
  /** Is given the new files; throws if they could not be announced. */
  readonly announce?: (paths: readonly string[]) => Promise<void>;
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
  wireBytes: 0,
};

/** A module died, or the state is not what it was: the replica mends that, and begins anew. */
const fatal = new Set(["ModuleError", "DamagedStateError"]);

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
  readonly #started = performance.now();
  readonly #failures: Failure[];
  readonly #failed = new Map<string, FailedFile>();
  readonly #totals = {
    seen: 0,
    new: 0,
    skipped: 0,
    refused: 0,
    copied: 0,
    adopted: 0,
    bytes: 0,
    reused: 0,
    wire_bytes: 0,
    removed: 0,
  };
  #probed: Probed = notProbed;
  /** What led away from a server that fell silent in the middle of its work. */
  #elsewhere: Probed | undefined;
  /** Servers with a list or a tree that cannot be used, and why. */
  readonly #unusable: Record<string, Failure> = {};
  #generation: string | null = null;
  #lagSeconds = 0;
  #plan: PlannedAction[] = [];

  constructor(crew: Crew, options: PassOptions) {
    this.#crew = crew;
    this.#options = options;
    this.#failures = [...options.notices];
  }

  async run(): Promise<void> {
    for (let attempt = 0; attempt < attempts; attempt++) {
      this.#forgetLoss();
      if (this.#options.signal.aborted) return this.#stopped();
      const lost = this.#probed.active;
      const probed = await this.#try(() => this.#choose());
      // What failed on one server may well be had from another.
      if (probed?.active !== lost) this.#failed.clear();
      if (probed === undefined || probed.active === null) return;
      if (attempt === 0 && isUnchanged(probed)) return this.#unchanged(probed);
      // A server that was lost on the way is probed again: another one may serve.
      if (await this.#passFrom(probed.active)) return;
    }
  }

  outcome(): PassOutcome {
    const probed = this.#probed;
    const failed = [...this.#failed.values()];
    const report: PassReport = {
      server: probed.active,
      generation: this.#generation,
      ...this.#totals,
      failed,
      errors: this.#failures.map(describe),
      lag_seconds: Math.round(this.#lagSeconds),
      seconds: Math.round(performance.now() - this.#started) / 1_000,
      exit: exitOf(
        probed,
        this.#failures,
        failed.length + this.#totals.refused,
      ),
      ...(this.#options.dryRun ? { plan: this.#plan } : {}),
    };
    return { report, probed, failures: this.#failures };
  }

  /** Probes all servers, unless that has just been done. */
  async #choose(): Promise<Probed> {
    this.#options.onStage?.({ module: "test-server" });
    const probed = this.#elsewhere ?? await this.#unlessStopped(this.#probe());
    this.#elsewhere = undefined;
    this.#probed = probed;
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
    this.#totals.wire_bytes += probed.wireBytes;
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
      await this.#abandon(`Cannot go on with ${server}: it has fallen silent`);
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
    this.#generation = probe?.list?.generation ?? null;
  }

  /** Does all that is to be done with one server; returns false if it was lost meanwhile. */
  async #passFrom(server: string): Promise<boolean> {
    const list = await this.#crew.synchroList();
    if (!await this.#recover()) return true;
    this.#options.onStage?.({ module: "synchro-list", server });
    const connected = this.#connectAhead(server);
    const synchronised = await this.#try(() =>
      this.#whileServed(server, list.ask("synchronise", { server }))
    );
    if (synchronised === undefined) {
      await connected;
      const failure = this.#failures.at(-1);
      if (failure?.name === "UnusableError") this.#unusable[server] = failure;
      return !this.#lostServer();
    }
    this.#addSynchronised(synchronised);
    if (this.#options.dryRun) {
      await this.#makePlan(server);
      return true;
    }
    const backlog = await list.ask("backlog", { server });
    if (backlog.pending > 0) {
      this.#options.onStage?.({ module: "copy-list", server, backlog });
      const lost = await this.#copy(server);
      if (lost) return false;
    }
    await connected;
    await this.#tidy(server);
    if (this.#options.delete !== "keep") await this.#remove(server);
    await this.#announce(list);
    await this.#settle(
      server,
      synchronised,
      await list.ask("backlog", { server }),
    );
    return true;
  }

  /** Settles what a crash left behind, before anything is judged by it; returns whether that was possible. */
  async #recover(): Promise<boolean> {
    if (this.#options.dryRun) return true;
    const copyList = await this.#crew.copyList();
    const settled = await this.#try(() => copyList.ask("recover", null));
    return settled !== undefined;
  }

  /** Opens copy-list's connection while the list is being read. */
  async #connectAhead(server: string): Promise<void> {
    if (this.#options.dryRun) return;
    const copyList = await this.#crew.copyList();
    // What goes wrong here goes wrong again, and is told, when it is needed.
    await copyList.ask("connect", { server }).catch(() => {});
  }

  #addSynchronised(synchronised: Synchronised): void {
    this.#generation = synchronised.generation;
    this.#totals.seen += synchronised.seen;
    this.#totals.new += synchronised.new;
    this.#totals.skipped += synchronised.skipped;
    this.#totals.refused += synchronised.refusedCount;
    const { conflictCount } = synchronised;
    if (conflictCount > 0) this.#note(toFailure(conflict(conflictCount)));
    this.#totals.wire_bytes += synchronised.wireBytes;
  }

  /** Copies what is wanted; returns whether the server was lost. */
  async #copy(server: string): Promise<boolean> {
    const copyList = await this.#crew.copyList();
    // A signal that came already would never be heard again.
    if (this.#options.signal.aborted) {
      this.#stopped();
      return false;
    }
    const stop = () => copyList.ask("stop", null).catch(() => {});
    this.#options.signal.addEventListener("abort", stop, { once: true });
    try {
      const { maxTransfer } = this.#options;
      const copied = await this.#try(() =>
        this.#whileServed(
          server,
          copyList.ask("copy", {
            server,
            maxTransfer,
            without: [...this.#failed.keys()],
          }),
        )
      );
      if (copied === undefined) return this.#lostServer();
      this.#addCopied(copied);
      return copied.ended?.exitStatus === exitStatus.unavailable;
    } finally {
      this.#options.signal.removeEventListener("abort", stop);
    }
  }

  #addCopied({ ended, failed, ...copied }: Copied): void {
    this.#totals.copied += copied.copied;
    this.#totals.adopted += copied.adopted;
    this.#totals.bytes += copied.bytes;
    this.#totals.reused += copied.reused;
    this.#totals.wire_bytes += copied.wireBytes;
    for (const file of failed) this.#failed.set(file.path, file);
    if (ended !== null) this.#note(ended);
  }

  async #tidy(server: string): Promise<void> {
    const copyList = await this.#crew.copyList();
    await this.#try(() => copyList.ask("tidy", { server }));
  }

  async #remove(server: string): Promise<void> {
    const copyList = await this.#crew.copyList();
    const outcome = await this.#try(() => copyList.ask("remove", { server }));
    if (outcome === undefined) return;
    this.#totals.removed += outcome.removed.length;
    for (const file of outcome.failed) this.#failed.set(file.path, file);
  }

  /** At least once: only what the hook was told of without failing is remembered as told. */
  async #announce(list: Channel<SynchroListOperations>): Promise<void> {
    const { announce } = this.#options;
    if (announce === undefined) return;
    const paths = await list.ask("unannounced", null);
    if (paths.length === 0) return;
    await this.#try(async () => {
      await announce(paths);
      await list.ask("announced", { paths });
    });
  }

  /** Lets the next probe end its pass, if there is nothing left to do. */
  async #settle(
    server: string,
    { cursor }: Synchronised,
    backlog: Backlog,
  ): Promise<void> {
    this.#lagSeconds = backlog.lagSeconds;
    const done = backlog.pending === 0 && backlog.lagSeconds === 0 &&
      this.#failures.length === 0 && this.#failed.size === 0;
    if (!done || cursor === null) return;
    const testServer = await this.#crew.testServer();
    const { fingerprint } = this.#options;
    await testServer.ask("settle", { server, cursor, fingerprint });
  }

  async #makePlan(server: string): Promise<void> {
    const list = await this.#crew.synchroList();
    for (let last: Wanted | null = null;;) {
      const wanted: readonly Wanted[] = await list.ask("wanted", {
        server,
        last,
        limit: 1_000,
      });
      if (wanted.length === 0) break;
      for (const { path, size } of wanted) {
        this.#plan.push({ action: "copy", path, size });
      }
      last = wanted.at(-1)!;
    }
    if (this.#options.delete === "keep") return;
    const withdrawn = await this.#try(() => list.ask("withdrawn", { server }));
    for (const { path, size } of withdrawn ?? []) {
      this.#plan.push({ action: "remove", path, size });
    }
  }

  /** Runs one step; what goes wrong with it is noted, unless a module itself failed. */
  async #try<Result>(
    step: () => Promise<Result> | undefined,
  ): Promise<Result | undefined> {
    try {
      return await step();
    } catch (error) {
      this.#note(toFailure(error), error);
      return undefined;
    }
  }

  /** Notes what went wrong, unless no step can go on after it. */
  #note(failure: Failure, cause: unknown = new RemoteFailure(failure)): void {
    if (fatal.has(failure.name)) throw cause;
    this.#failures.push(failure);
  }

  #lostServer(): boolean {
    return this.#failures.at(-1)?.exitStatus === exitStatus.unavailable;
  }

  /** What another server makes good need not be told. */
  #forgetLoss(): void {
    const kept = this.#failures.filter(({ exitStatus: status }) =>
      status !== exitStatus.unavailable
    );
    this.#failures.splice(0, Infinity, ...kept);
  }

  #stopped(): void {
    this.#failures.push(toFailure(stopped()));
  }
}

/** Two servers that say different things of the same files. */
function conflict(files: number): RefusedError {
  return new RefusedError(
    `Cannot tell which server is right about ${files} ${
      files === 1 ? "file" : "files"
    }: other contents, and the same date; what is here stays`,
    { hint: '"relais log" names them; publish the right one with a new date' },
  );
}

function stopped(): StoppedError {
  return new StoppedError("stopped before all was done");
}

function isUnchanged({ probes, active }: Probed): boolean {
  return probes.some(({ server, unchanged }) => server === active && unchanged);
}
