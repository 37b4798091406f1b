/**
 * A replica at work: its lock, its modules, its passes.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import type { ReplicaReady } from "../config/config.ts";
import { exitStatus, type Failure } from "../errors.ts";
import { journalOf } from "../files/destination.ts";
import { assertCopy } from "../files/copy-there.ts";
import { lookAt } from "../files/if-there.ts";
import type { PublishedList } from "../list/cursor.ts";
import { linkDescriptors } from "../files/descriptors.ts";
import { makeLogDirectory } from "../log/file.ts";
import { Logger } from "../worker/logger.ts";
import type { NodeOperations, WorkWaits } from "../cluster/operations.ts";
import type { ConnectionOperations } from "../connection/operations.ts";
import type {
  CopyListOperations,
  FileFetched,
} from "../copy-list/operations.ts";
import type { LogOperations } from "../log/operations.ts";
import type { ModuleName } from "../worker/protocol.ts";
import type { Probe, TestServerOperations } from "../test-server/operations.ts";
import type {
  SharedNoticeOperations,
  StatOperations,
} from "../stat/operations.ts";
import type { SynchroListOperations } from "../synchro-list/operations.ts";
import { isByClient } from "../ssh/by-client.ts";
import { ensureState } from "../state/database.ts";
import type { Channel } from "../worker/channel.ts";
import { StatsBlock } from "../worker/stats-block.ts";
import { timestampFromMilliseconds } from "../text/timestamp.ts";
import { Hold } from "./hold.ts";
import { joinPaths, runHook } from "./hooks.ts";
import type { ModulePlan } from "./module-worker.ts";
import { fingerprint } from "./fingerprint.ts";
import { type PassOutcome, runPass } from "./pass.ts";
import type { PassOptions } from "./pass-options.ts";
import { Judging } from "./judging.ts";
import { Recording } from "./recording.ts";
import { replicaPlans, type RunOptions } from "./plans.ts";
import type { Stage } from "../progress/progress.ts";
import type { Told } from "../republish/freshen.ts";
import { SoundState } from "./sound-state.ts";
import { Supervisor } from "./supervisor.ts";
import { Telling } from "./telling.ts";

export interface ReplicaOptions extends RunOptions {
  /** Bytes a pass may transfer. */
  readonly maxTransfer?: number | undefined;
  /** Hears of each file that has arrived, if `tellsFiles` asks for it. */
  readonly onFile?: (path: string) => void;
  /** Hears what a pass does, as it goes from one module to the next. */
  readonly onStage?: (stage: Stage) => void;
  /** Other ways to run some modules; tests put misbehaving ones here. */
  readonly plans?: Partial<Record<ModuleName, ModulePlan>>;
  /** How long a module may be silent; see the supervisor. */
  readonly silenceMs?: number;
}

/** The hook that new files are for. */
const onNew = {
  name: "on_new",
  hint: "correct the program; the next pass runs it again with the same files",
};

/** Between two looks whether another node has ended reading lists. */
const waitMs = 250;

/** The modules that have the state open. */
const stateful: readonly ModuleName[] = ["test-server", "synchro-list", "stat"];

/** A replica at work. One process at a time can hold its state. */
export class Replica implements AsyncDisposable {
  readonly #config: ReplicaReady;
  readonly #options: ReplicaOptions;
  readonly #hold: Hold;
  /** `undefined` in a dry run, which mends nothing. */
  readonly #state: SoundState | undefined;
  readonly #stats: StatsBlock;
  readonly #supervisor: Supervisor;
  readonly #log: Logger;
  readonly #telling: Telling;
  readonly #recording: Recording;
  #wake = () => {};
  /** What happened to the state, for the report of the next pass. */
  #remarks: Failure[] = [];

  private constructor(
    config: ReplicaReady,
    options: ReplicaOptions,
    hold: Hold,
  ) {
    const stats = StatsBlock.create();
    const { level } = config.log;
    this.#config = config;
    this.#options = options;
    this.#hold = hold;
    this.#stats = stats;
    this.#log = new Logger({ module: "supervisor", level, stats });
    const stat = () => this.#supervisor.asker<StatOperations>("stat");
    const judging = new Judging(stat, () => this.#nodes);
    this.#telling = new Telling(
      config.hooks,
      this.#log,
      (notice) => judging.unheard(notice),
    );
    this.#recording = new Recording(
      judging,
      this.#log,
      this.#telling,
      options.dryRun,
    );
    this.#state = options.dryRun ? undefined : new SoundState(
      config.replica.state,
      hold,
      () => this.#supervisor.retire(...stateful),
      (message) => this.#remarks.push(toRemark(message)),
    );
    this.#supervisor = new Supervisor({
      stats,
      level,
      log: this.#log,
      plans: { ...replicaPlans(config, options), ...options.plans },
      onEvent: (_, event) => this.#hear(event as FileFetched | WorkWaits),
      ...(options.silenceMs === undefined
        ? {}
        : { silenceMs: options.silenceMs }),
    });
  }

  /**
   * Takes the lock of the state, which a dry run does not need, and starts the
   * first modules.
   *
   * @throws {LockedError} If another relais holds the state.
   * @throws {RemoteFailure} If a module cannot start.
   */
  static async open(
    config: ReplicaReady,
    options: ReplicaOptions,
  ): Promise<Replica> {
    const { state } = config.replica;
    const hold = options.dryRun ? Hold.readAlong(state) : Hold.take(state);
    const replica = new Replica(config, options, hold);
    try {
      await replica.#soundly(() => replica.#begin());
      return replica;
    } catch (error) {
      await replica[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * Runs one pass, records it, and runs the hooks it calls for.
   *
   * @throws {ModuleError} If a module died or fell silent; the next pass replaces it.
   */
  async pass(signal: AbortSignal): Promise<PassOutcome> {
    await this.#state?.retakeIfLost();
    const started = { at: Date.now(), steady: performance.now() };
    try {
      return await this.#soundly(() => this.#pass(signal));
    } catch (error) {
      // Otherwise its lease runs out.
      await this.#leaveLead().catch(() => {});
      if (!this.#options.dryRun) {
        await this.#recording.concludeBroken(error, started, signal);
      }
      throw error;
    }
  }

  /** Tells whether each module that runs shows signs of life. */
  get answers(): boolean {
    return this.#supervisor.answers;
  }

  /** The figures of its modules. */
  get stats(): StatsBlock {
    return this.#stats;
  }

  /** For what whoever runs the replica has to say. */
  get log(): Logger {
    return this.#log;
  }

  /** Calls `wake` when there is something to do before the next pass is due. */
  listen(wake: () => void): void {
    this.#wake = wake;
  }

  /** Probes all servers once, changes nothing. */
  async examine(): Promise<readonly Probe[]> {
    const testServer = await this.#asker<TestServerOperations>("test-server");
    return await testServer.ask("examine", null);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#flush();
    await this.#supervisor[Symbol.asyncDispose]();
    this.#hold[Symbol.dispose]();
  }

  async #begin(): Promise<void> {
    if (!this.#options.dryRun) {
      makeLogDirectory(this.#config.log);
      linkDescriptors(this.#config.replica.state);
      ensureState(this.#config.replica.state);
    }
    // One after the other is started: first what takes longest to load.
    await this.#supervisor.need(
      ...this.#reaching,
      "test-server",
      "stat",
      "log",
    );
    this.#hold.opened();
  }

  /** The modules that reach servers. */
  get #reaching(): ModuleName[] {
    return this.#config.servers.some(isByClient)
      ? ["connection", "transport"]
      : ["connection"];
  }

  async #pass(signal: AbortSignal): Promise<PassOutcome> {
    const started = timestampFromMilliseconds(Date.now());
    this.#supervisor.beginPass(crypto.randomUUID().slice(0, 8));
    if (!this.#options.dryRun) this.#telling.begin();
    await this.#begin();
    const { hooks, replica } = this.#config;
    const outcome = await runPass({
      testServer: () => this.#asker<TestServerOperations>("test-server"),
      synchroList: () => this.#asker<SynchroListOperations>("synchro-list"),
      copyList: () => this.#asker<CopyListOperations>("copy-list"),
    }, {
      fingerprint: await fingerprint(this.#config),
      delete: replica.delete,
      assertCopy: (kept) => {
        // What the state of a node has of files is from before it was one.
        if (this.#config.cluster === null) assertCopy(replica.into, kept);
      },
      sets: replica.sets !== false,
      isInterrupted: replica.sets !== false && !this.#options.dryRun &&
        lookAt(journalOf(replica.into)) !== undefined,
      republish: replica.republish,
      dryRun: this.#options.dryRun,
      maxTransfer: this.#options.maxTransfer,
      signal,
      received: () => this.#received(),
      helpsWith: await this.#othersWork(signal),
      onStage: this.#options.onStage,
      remarks: this.#remarks,
      onSwitch: (probed) => this.#recording.announceSwitch(probed, signal),
      ...(replica.republish ? { freshen: freshenIn(replica.into) } : {}),
      ...(hooks.onNew.length === 0 ? {} : {
        announce: (paths, set) =>
          runHook(
            {
              ...onNew,
              argv: hooks.onNew,
              timeoutMs: hooks.onNewTimeoutMs,
              env: set === undefined ? {} : { RELAIS_SET: set },
            },
            joinPaths(paths),
            signal,
          ),
      }),
    });
    const isUnfit = outcome.report.exit === exitStatus.local;
    if (isUnfit || outcome.probed.active === null) await this.#leaveLead();
    await this.#recording.conclude(outcome, started, signal);
    if (!this.#config.probe.keep) await this.#hangUp();
    this.#remarks = [];
    return outcome;
  }

  /**
   * Asks for the lease of the cluster; `undefined` if this node leads, or is alone.
   * Waits while the node that leads reads lists, but no longer than a lease.
   */
  async #othersWork(signal: AbortSignal): Promise<PassOptions["helpsWith"]> {
    const { cluster } = this.#config;
    if (cluster === null) return undefined;
    const list = await this.#asker<NodeOperations>("synchro-list");
    const began = performance.now();
    for (;;) {
      if (await list.ask("lead", null)) {
        await this.#recording.announceLead(signal);
        return undefined;
      }
      const { isOpen, server } = await list.ask("survey", null);
      if (isOpen) return { server };
      const isLate = performance.now() - began > cluster.leaseMs;
      if (isLate || signal.aborted) return { server: null };
      await delay(waitMs, { signal }).catch(() => {
        // The pass is stopped: the next step sees that.
      });
    }
  }

  /** The module that speaks for all nodes; `undefined` if this machine is alone, or it does not run. */
  get #nodes(): Channel<SharedNoticeOperations> | undefined {
    const { cluster } = this.#config;
    if (cluster === null || this.#options.dryRun) return undefined;
    return this.#supervisor.runs("synchro-list")
      ? this.#supervisor.asker<SharedNoticeOperations>("synchro-list")
      : undefined;
  }

  /** A node that reaches no server, has local trouble, or whose modules do not answer leaves it to others to lead. */
  async #leaveLead(): Promise<void> {
    if (this.#config.cluster === null) return;
    if (!this.#supervisor.runs("synchro-list")) return;
    const list = this.#supervisor.asker<NodeOperations>("synchro-list");
    await list.ask("resign", null);
  }

  async #soundly<Result>(work: () => Promise<Result>): Promise<Result> {
    return await (this.#state?.during(work) ?? work());
  }

  /** Grows while files are made of what is here, too: then nothing need arrive. */
  #received(): bigint {
    const copyList = this.#stats.section("copy-list");
    return this.#stats.section("synchro-list").get("received_bytes") +
      copyList.get("received_bytes") + copyList.get("bytes_read_here");
  }

  async #asker<
    Ops extends
      | TestServerOperations
      | SynchroListOperations
      | NodeOperations
      | CopyListOperations,
  >(
    name: ModuleName,
  ) {
    // Both are needed when either is: started together, they are joined at once.
    const others: ModuleName[] = name === "test-server" || this.#options.dryRun
      ? [name]
      : ["synchro-list", "copy-list"];
    await this.#supervisor.need(...this.#reaching, ...others);
    return this.#supervisor.asker<Ops>(name);
  }

  /** Logs out of all servers: the next pass logs in again. */
  async #hangUp(): Promise<void> {
    const connection = this.#supervisor.asker<ConnectionOperations>(
      "connection",
    );
    await connection.ask("hangUp", null);
  }

  async #flush(): Promise<void> {
    if (!this.#supervisor.runs("log")) return;
    const log = this.#supervisor.asker<LogOperations>("log");
    // A log module that has just died has said what it had to say.
    await log.ask("flush", null).catch(() => {});
  }

  #hear(event: FileFetched | WorkWaits): void {
    if ("fetched" in event) this.#options.onFile?.(event.fetched);
    else this.#wake();
  }
}

/** Says what happened to the state, for the report of a pass. */
function toRemark(message: string): Failure {
  const { done } = exitStatus;
  return { name: "Remark", message, exitStatus: done, retriable: false };
}

/** Returns what dates the list that is shown in `into`; only who republishes loads it. */
function freshenIn(into: string) {
  return async (list: PublishedList, told: Told) => {
    const { freshen } = await import("../republish/freshen.ts");
    return freshen(into, list, told);
  };
}
