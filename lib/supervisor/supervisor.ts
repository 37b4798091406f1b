/**
 * The supervisor: owns the life of the modules. It starts each one with only
 * the permissions it needs, joins them to each other, replaces one that died or
 * fell silent, and ends them all.
 *
 * @module
 */

import type { Channel, Operations } from "../worker/channel.ts";
import type { Level } from "../config/config.ts";
import type { Logger } from "../worker/logger.ts";
import type { GroupEvent } from "../transport/operations.ts";
import type { ModuleName } from "../worker/protocol.ts";
import type { StatsBlock } from "../worker/stats-block.ts";
import { type ModulePlan, ModuleWorker } from "./module-worker.ts";
import { ProcessGroups } from "./groups.ts";

/** Which module asks which. */
const wires: readonly (readonly [ModuleName, ModuleName])[] = [
  ["connection", "log"],
  ["transport", "log"],
  ["test-server", "log"],
  ["synchro-list", "log"],
  ["copy-list", "log"],
  ["stat", "log"],
  ["publish", "log"],
  ["connection", "transport"],
  ["test-server", "connection"],
  ["synchro-list", "connection"],
  ["copy-list", "connection"],
  ["copy-list", "synchro-list"],
];

/** A module whose heart has not beaten for so long is given up. */
const silenceMs = 15_000;

/** A heart that has not beaten for so long is a reason to worry. */
const worryMs = 5_000;

/** How long a module may take to close what it has open. */
const endMs = 2_000;

/** How often hearts are listened to. */
const watchMs = 1_000;

export interface SupervisorOptions {
  readonly stats: StatsBlock;
  readonly level: Level;
  /** How each module that may be needed is run. */
  readonly plans: Readonly<Partial<Record<ModuleName, ModulePlan>>>;
  readonly log: Logger;
  /** Hears what modules tell unasked. */
  readonly onEvent?: (module: ModuleName, event: unknown) => void;
  /** @default 15 s */
  readonly silenceMs?: number;
}

/** Starts, joins, watches, replaces and ends the modules. */
export class Supervisor implements AsyncDisposable {
  readonly #options: SupervisorOptions;
  readonly #running = new Map<ModuleName, ModuleWorker>();
  readonly #beats = new Map<ModuleName, { beat: bigint; at: number }>();
  readonly #groups = new ProcessGroups();
  readonly #watch: ReturnType<typeof setInterval>;
  #pass = "";

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#watch = setInterval(() => this.#listen(), watchMs);
  }

  /**
   * Makes sure that these modules run; starts those that do not, all at the
   * same time.
   *
   * @throws {RemoteFailure} If one cannot start.
   */
  async need(...names: ModuleName[]): Promise<void> {
    const missing = names.filter((name) => !this.#runs(name));
    const failures = missing.map((name) => this.#running.get(name)?.failure);
    const started = missing.map((name) => this.#spawn(name));
    this.#join(new Set(missing));
    // Now that there is a log again: one that failed could take no message about it.
    for (const [at, failure] of failures.entries()) {
      if (failure === undefined) continue;
      this.#options.log.warning(
        `module ${missing[at]} was replaced: ${failure}`,
      );
    }
    const { stats, level, plans } = this.#options;
    await Promise.all(started.map(async (module) => {
      const { settings } = plans[module.name]!;
      try {
        await module.start({ settings, stats: stats.buffer, level });
      } catch (error) {
        module.drop("it did not start");
        throw error;
      }
    }));
    for (const module of started) module.follow({ pass: this.#pass });
  }

  /** Returns the asking end towards a module that was {@link need}ed. */
  asker<Ops extends Operations>(name: ModuleName): Channel<Ops> {
    return this.#running.get(name)!.asker<Ops>();
  }

  /** Tells whether a module was started, and still lives. */
  runs(name: ModuleName): boolean {
    return this.#runs(name);
  }

  /** Tells whether the heart of each module that runs has beaten in the last seconds. */
  get answers(): boolean {
    const now = performance.now();
    return [...this.#running].every(([name, { failure }]) =>
      failure !== undefined ||
      now - (this.#beats.get(name)?.at ?? now) < worryMs
    );
  }

  /** Ends some modules in good order; {@link need} starts them again. */
  async retire(...names: readonly ModuleName[]): Promise<void> {
    const running = names.filter((name) => this.#runs(name));
    await Promise.all(
      running.map((name) => this.#running.get(name)!.end(endMs)),
    );
  }

  /** Tells all modules which pass their log lines belong to. */
  beginPass(pass: string): void {
    this.#pass = pass;
    this.#options.log.follow(pass);
    for (const module of this.#running.values()) module.follow({ pass });
  }

  /** Ends all modules. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#watch);
    await Promise.all(
      [...this.#running.values()].map((module) => module.end(endMs)),
    );
    this.#groups.end();
  }

  #runs(name: ModuleName): boolean {
    const module = this.#running.get(name);
    return module !== undefined && module.failure === undefined;
  }

  #spawn(name: ModuleName): ModuleWorker {
    const { plans, onEvent } = this.#options;
    const replaces = this.#running.has(name);
    const module = new ModuleWorker(
      name,
      plans[name]!,
      {
        onEvent: (event) => {
          // No other module may have anything killed.
          if (name === "transport") this.#groups.take(event as GroupEvent);
          else onEvent?.(name, event);
        },
        onFail: () => {
          // Nobody listens any more to what these have started.
          if (name === "connection" || name === "transport") this.#groups.end();
          this.#failAskersOf(name);
        },
      },
    );
    this.#running.set(name, module);
    this.#beats.delete(name);
    // One that died may have held a semaphore.
    if (replaces) this.#options.stats.forget(name);
    return module;
  }

  /** Joins the modules just started to each other and to those that run. */
  #join(started: ReadonlySet<ModuleName>): void {
    for (const [asking, asked] of wires) {
      if (!started.has(asking) && !started.has(asked)) continue;
      if (!this.#runs(asking) || !this.#runs(asked)) continue;
      this.#wire(this.#running.get(asking)!, this.#running.get(asked)!);
    }
    if (started.has("log")) this.#attachLog();
  }

  /** A module that waits for the answer of one that is gone would wait for ever; all can do without the log. */
  #failAskersOf(gone: ModuleName): void {
    for (const [asking, asked] of wires) {
      if (asked !== gone || asked === "log") continue;
      const { failure } = this.#running.get(gone)!;
      this.#running.get(asking)?.fail(
        `it needs module ${gone}, but ${failure}`,
      );
    }
  }

  #wire(asking: ModuleWorker, asked: ModuleWorker): void {
    const { port1, port2 } = new MessageChannel();
    asking.wire({ wire: asked.name, role: "ask", port: port1 });
    asked.wire({ wire: asking.name, role: "answer", port: port2 });
  }

  /** The supervisor has something to log, too. */
  #attachLog(): void {
    const { port1, port2 } = new MessageChannel();
    this.#running.get("log")!.wire({
      wire: "log",
      role: "answer",
      port: port2,
    });
    this.#options.log.attach((message) => port1.postMessage(message));
  }

  /** How long a module may be silent: one that is still being loaded is not hurried. */
  #patienceWith({ hasStarted }: ModuleWorker): number {
    return hasStarted ? this.#options.silenceMs ?? silenceMs : silenceMs;
  }

  /** Gives up modules whose heart has stopped. */
  #listen(): void {
    const now = performance.now();
    for (const [name, module] of this.#running) {
      if (module.failure !== undefined) continue;
      const beat = this.#options.stats.section(name).get("heartbeat");
      const last = this.#beats.get(name);
      if (last?.beat !== beat) this.#beats.set(name, { beat, at: now });
      else if (now - last.at > this.#patienceWith(module)) {
        this.#options.log.error(
          `module ${name} does not answer and is abandoned`,
        );
        module.fail("it does not answer");
      }
    }
  }
}
