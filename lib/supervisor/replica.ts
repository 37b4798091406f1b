/**
 * A replica at work: its lock, its modules, its passes.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { ReplicaReady } from "../config/config.ts";
import { describe } from "../errors.ts";
import { Lock } from "../lock.ts";
import { Logger } from "../log/logger.ts";
import type {
  CopyListOperations,
  CopyProgress,
  LogOperations,
  ModuleName,
  Probe,
  Probed,
  StatOperations,
  SynchroListOperations,
  TestServerOperations,
} from "../protocol.ts";
import { StatsBlock } from "../stats/block.ts";
import { timestampFromMilliseconds } from "../timestamp.ts";
import { joinPaths, runHook } from "./hooks.ts";
import type { ModulePlan } from "./module-worker.ts";
import { type PassOutcome, runPass } from "./pass.ts";
import { replicaPlans, type RunOptions } from "./plans.ts";
import { Supervisor } from "./supervisor.ts";

export interface ReplicaOptions extends RunOptions {
  /** Bytes a pass may transfer. */
  readonly maxTransfer?: number | undefined;
  readonly onProgress?: (progress: CopyProgress["progress"]) => void;
  /** Other ways to run some modules; tests put misbehaving ones here. */
  readonly plans?: Partial<Record<ModuleName, ModulePlan>>;
  /** How long a module may be silent; see the supervisor. */
  readonly silenceMs?: number;
}

/** A replica at work. One process at a time can hold its state. */
export class Replica implements AsyncDisposable {
  readonly #config: ReplicaReady;
  readonly #options: ReplicaOptions;
  readonly #lock: Lock;
  readonly #supervisor: Supervisor;
  readonly #log: Logger;

  private constructor(
    config: ReplicaReady,
    options: ReplicaOptions,
    lock: Lock,
  ) {
    const stats = StatsBlock.create();
    const { level } = config.log;
    this.#config = config;
    this.#options = options;
    this.#lock = lock;
    this.#log = new Logger({ module: "supervisor", level, stats });
    this.#supervisor = new Supervisor({
      stats,
      level,
      log: this.#log,
      plans: { ...replicaPlans(config, options), ...options.plans },
      onEvent: (_, event) => this.#hear(event as CopyProgress),
      ...(options.silenceMs === undefined
        ? {}
        : { silenceMs: options.silenceMs }),
    });
  }

  /**
   * Takes the lock of the state and starts the first modules.
   *
   * @throws {LockedError} If another relais holds the state.
   * @throws {RemoteFailure} If a module cannot start.
   */
  static async open(
    config: ReplicaReady,
    options: ReplicaOptions,
  ): Promise<Replica> {
    const { state } = config.replica;
    const lock = options.dryRun
      ? Lock.takeWithoutTrace(state)
      : Lock.take(state);
    const replica = new Replica(config, options, lock);
    try {
      await replica.#supervisor.need("log", "stat", "test-server");
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
    const started = timestampFromMilliseconds(Date.now());
    this.#supervisor.beginPass(crypto.randomUUID().slice(0, 8));
    await this.#supervisor.need("log", "stat", "test-server");
    const { hooks, replica } = this.#config;
    const outcome = await runPass({
      testServer: () => this.#asker<TestServerOperations>("test-server"),
      synchroList: () => this.#asker<SynchroListOperations>("synchro-list"),
      copyList: () => this.#asker<CopyListOperations>("copy-list"),
    }, {
      fingerprint: fingerprint(this.#config),
      delete: replica.delete,
      dryRun: this.#options.dryRun,
      maxTransfer: this.#options.maxTransfer,
      signal,
      onSwitch: (probed) => this.#announceSwitch(probed),
      ...(hooks.onNew.length === 0 ? {} : {
        announce: (paths) => runHook("on_new", hooks.onNew, joinPaths(paths)),
      }),
    });
    await this.#conclude(outcome, started);
    return outcome;
  }

  /** Probes all servers once, changes nothing. */
  async examine(): Promise<readonly Probe[]> {
    const testServer = await this.#asker<TestServerOperations>("test-server");
    return await testServer.ask("examine", null);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#flush();
    await this.#supervisor[Symbol.asyncDispose]();
    this.#lock[Symbol.dispose]();
  }

  async #asker<
    Ops extends
      | TestServerOperations
      | SynchroListOperations
      | CopyListOperations,
  >(
    name: ModuleName,
  ) {
    // Both are needed when either is: started together, they are joined at once.
    if (name !== "test-server" && !this.#options.dryRun) {
      await this.#supervisor.need("synchro-list", "copy-list");
    } else await this.#supervisor.need(name);
    return this.#supervisor.asker<Ops>(name);
  }

  async #conclude(
    { report, failures }: PassOutcome,
    started: ReturnType<typeof timestampFromMilliseconds>,
  ): Promise<void> {
    for (const failure of failures) this.#log.error(describe(failure));
    const { server, copied, bytes, seconds, exit } = report;
    this.#log.info(
      `pass from ${
        server ?? "no server"
      }: ${copied} files, ${bytes} bytes, ${seconds} s, exit ${exit}`,
    );
    if (this.#options.dryRun) return;
    const { onError } = this.#config.hooks;
    if (exit !== 0 && onError.length > 0) {
      await this.#hook("on_error", onError, report);
    }
    const stat = this.#supervisor.asker<StatOperations>("stat");
    await stat.ask("record", { report, started });
  }

  async #announceSwitch({ active, previous, reason }: Probed): Promise<void> {
    const { onFailover } = this.#config.hooks;
    if (onFailover.length === 0 || this.#options.dryRun) return;
    await this.#hook("on_failover", onFailover, { active, previous, reason });
  }

  /** Runs a hook that only informs: its failure is logged, and harms nothing. */
  async #hook(
    name: string,
    argv: readonly string[],
    input: unknown,
  ): Promise<void> {
    try {
      const text = `${JSON.stringify(input)}\n`;
      await runHook(name, argv, new TextEncoder().encode(text));
    } catch (error) {
      this.#log.warning(describe(error));
    }
  }

  async #flush(): Promise<void> {
    if (!this.#supervisor.runs("log")) return;
    const log = this.#supervisor.asker<LogOperations>("log");
    // A log module that has just died has said what it had to say.
    await log.ask("flush", null).catch(() => {});
  }

  #hear({ progress }: CopyProgress): void {
    this.#options.onProgress?.(progress);
  }
}

/** Changes with whatever decides what is wanted, and where it goes. */
function fingerprint({ servers, replica }: ReplicaReady): string {
  const roots = servers.map((
    { name, host, port, root },
  ) => [name, host, port, root]);
  const { into, source, include, exclude } = replica;
  const text = JSON.stringify([
    roots,
    into,
    source,
    include,
    exclude,
    replica.delete,
  ]);
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
