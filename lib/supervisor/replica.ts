/**
 * A replica at work: its lock, its modules, its passes.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import type { ReplicaReady } from "../config/config.ts";
import { describe, exitStatus, type Failure } from "../errors.ts";
import { journalOf } from "../files/destination.ts";
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
import type {
  Probe,
  Probed,
  TestServerOperations,
} from "../test-server/operations.ts";
import type { Recorded, StatOperations } from "../stat/operations.ts";
import type { SynchroListOperations } from "../synchro-list/operations.ts";
import { isByClient } from "../ssh/client-command.ts";
import { ensureState } from "../state/database.ts";
import { StatsBlock } from "../worker/stats-block.ts";
import {
  type Timestamp,
  timestampFromMilliseconds,
} from "../text/timestamp.ts";
import { Hold } from "./hold.ts";
import { joinPaths, runHook } from "./hooks.ts";
import type { ModulePlan } from "./module-worker.ts";
import { brokenReport } from "./account.ts";
import { logErrors } from "./lasting.ts";
import { type PassOptions, type PassOutcome, runPass } from "./pass.ts";
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
    this.#telling = new Telling(
      config.hooks,
      this.#log,
      async ({ condition }) => {
        const stat = this.#supervisor.asker<StatOperations>("stat");
        await stat.ask("unheard", { condition });
      },
    );
    this.#state = options.dryRun ? undefined : new SoundState(
      config.replica.state,
      hold,
      () => this.#supervisor.retire(...stateful),
      (message) => this.#remarks.push(remark(message)),
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
      if (!this.#options.dryRun) {
        await this.#concludeBroken(error, started, signal);
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
      ...["test-server", "stat", "log"] as const,
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
      onSwitch: (probed) => this.#announceSwitch(probed, signal),
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
    if (outcome.probed.active === null) await this.#leaveLead();
    await this.#conclude(outcome, started, signal);
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
      if (await list.ask("lead", null)) return undefined;
      const { isOpen, server } = await list.ask("survey", null);
      if (isOpen) return { server };
      const isLate = performance.now() - began > cluster.leaseMs;
      if (isLate || signal.aborted) return { server: null };
      await delay(waitMs, { signal }).catch(() => {
        // The pass is stopped: the next step sees that.
      });
    }
  }

  /** A node that reaches no server leaves it to others to lead. */
  async #leaveLead(): Promise<void> {
    if (this.#config.cluster === null) return;
    const list = await this.#asker<NodeOperations>("synchro-list");
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

  async #conclude(
    { report, failures }: PassOutcome,
    started: Timestamp,
    signal: AbortSignal,
  ): Promise<void> {
    const { before, notices } = await this.#record(report, started);
    logErrors(this.#log, failures.map(describe), before);
    const { server, copied, bytes, seconds, exit } = report;
    const summary = `pass from ${
      server ?? "no server"
    }: ${copied} files, ${bytes} bytes, ${seconds} s, exit ${exit}`;
    this.#log.info(summary);
    if (this.#options.dryRun) return;
    await this.#telling.tell(notices, signal);
    await this.#telling.end(exit, summary, signal);
  }

  /** Records and tells of a pass that `error` ended, as far as that is still possible. */
  async #concludeBroken(
    error: unknown,
    started: { readonly at: number; readonly steady: number },
    signal: AbortSignal,
  ): Promise<void> {
    const seconds = (performance.now() - started.steady) / 1_000;
    const report = brokenReport(error, seconds);
    try {
      const stat = this.#supervisor.asker<StatOperations>("stat");
      const { notices } = await stat.ask("record", {
        report,
        started: timestampFromMilliseconds(started.at),
      });
      await this.#telling.tell(notices, signal);
    } catch (cause) {
      // It may be stat that died, or the state that cannot be written.
      this.#log.debug(
        `cannot record this pass in the history: ${describe(cause)}`,
      );
    }
    await this.#telling.end(report.exit, describe(error), signal);
  }

  /** Records the pass; returns what that brought to light. */
  async #record(
    report: PassOutcome["report"],
    started: Timestamp,
  ): Promise<Recorded> {
    const stat = this.#supervisor.asker<StatOperations>("stat");
    try {
      return await stat.ask("record", { report, started });
    } catch (error) {
      for (const text of report.errors) this.#log.error(text);
      throw error;
    }
  }

  /** A pass may take hours: that another server serves is told at once. */
  async #announceSwitch(
    { active: server, reason }: Probed,
    signal: AbortSignal,
  ): Promise<void> {
    if (this.#options.dryRun) return;
    const stat = this.#supervisor.asker<StatOperations>("stat");
    try {
      const notices = await stat.ask("switched", { server, reason });
      // The work goes on meanwhile; it ends with what there is to tell at its end.
      this.#telling.tell(notices, signal);
    } catch (error) {
      this.#log.warning(describe(error));
    }
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

/** What happened to the state, for the report of a pass. */
function remark(message: string): Failure {
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

/** Changes with whatever decides what is wanted, and where it goes. */
async function fingerprint(
  { servers, replica }: ReplicaReady,
): Promise<string> {
  const roots = servers.map((
    { name, host, port, jump, openssh, root, list },
  ) => [name, host, port, jump, openssh, root, list]);
  const { into, source, include, exclude, filenameCharset } = replica;
  const text = JSON.stringify([
    ...[roots, into, source, include, exclude, replica.delete],
    ...[filenameCharset, replica.rights],
    // Without these, nothing changes for those who use neither.
    ...replica.republish ? ["republish"] : [],
    ...replica.sets === false ? [] : ["sets", replica.sets],
  ]);
  const bytes = new TextEncoder().encode(text);
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return new Uint8Array(digest).toHex().slice(0, 16);
}
