/**
 * One module in its worker, as the supervisor sees it.
 *
 * @module
 */

import { Channel, type Operations } from "../worker/channel.ts";
import type { ModuleName, NewPass, Start, Wire } from "../worker/protocol.ts";

/** How a module is run. */
export interface ModulePlan {
  /** The module file. */
  readonly url: URL;
  /** Only what this module needs. */
  readonly permissions: Deno.PermissionOptionsObject;
  readonly settings: unknown;
}

/** A running module. Once it has failed it stays so; the supervisor starts another one. */
export class ModuleWorker {
  readonly name: ModuleName;
  readonly #worker: Worker;
  readonly #channel: Channel<Operations>;
  readonly #onFail: () => void;
  #hasStarted = false;
  #failure: string | undefined;

  /** Starts the worker; nothing of it has run yet when this returns. */
  constructor(
    name: ModuleName,
    { url, permissions }: ModulePlan,
    { onEvent, onFail }: {
      onEvent: (event: unknown) => void;
      onFail: () => void;
    },
  ) {
    this.name = name;
    this.#onFail = onFail;
    this.#worker = new Worker(url, {
      type: "module",
      name,
      deno: { permissions },
    });
    this.#worker.onerror = (event) => {
      // Without this an error in any worker ends the whole process.
      event.preventDefault();
      this.fail(`it died: ${event.message}`);
    };
    this.#channel = new Channel<Operations>(this.#worker, onEvent);
  }

  /** Why the module does not run any more; `undefined` while it does. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** True once it has its settings. */
  get hasStarted(): boolean {
    return this.#hasStarted;
  }

  /** The asking end towards the module. */
  asker<Ops extends Operations>(): Channel<Ops> {
    return this.#channel as Channel<Operations> as Channel<Ops>;
  }

  /** Gives the module its settings; what its factory throws is thrown here. */
  async start(start: Start<unknown>): Promise<void> {
    await this.#channel.ask("start", start);
    this.#hasStarted = true;
  }

  /** Lets the module close what it has open, and ends it. One that does not answer in time is ended anyway. */
  async end(withinMs: number): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, withinMs);
    const closed = this.#channel.ask("end", null);
    // One that died has nothing open any more.
    await Promise.race([closed.catch(() => {}), late.promise]);
    clearTimeout(timer);
    this.drop("it was ended");
  }

  wire(wire: Wire): void {
    this.#worker.postMessage(wire, [wire.port]);
  }

  follow(pass: NewPass): void {
    if (this.#failure === undefined) this.#worker.postMessage(pass);
  }

  /** Gives the module up: it died, or fell silent. Idempotent. */
  fail(reason: string): void {
    if (this.#failure !== undefined) return;
    this.drop(reason);
    this.#onFail();
  }

  /** Ends the worker at once: whoever waits for it is told why. Idempotent. */
  drop(reason: string): void {
    if (this.#failure !== undefined) return;
    this.#failure = reason;
    this.#channel.break(`Cannot go on with module ${this.name}: ${reason}`);
    // A worker that spins or blocks ignores this; the end of the process does not.
    this.#worker.terminate();
  }
}
