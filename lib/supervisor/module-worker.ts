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
  /** The connections it has to servers, each in a worker of its own. */
  readonly connections?: {
    readonly count: number;
    readonly permissions: Deno.PermissionOptionsObject;
  };
}

/** Literal, as those of the modules are, so that `deno compile` finds it. */
const connectionUrl = new URL("../../modules/connection.ts", import.meta.url);

/** A running module. Once it has failed it stays so; the supervisor starts another one. */
export class ModuleWorker {
  readonly name: ModuleName;
  readonly #worker: Worker;
  readonly #channel: Channel<Operations>;
  readonly #connections: readonly Worker[];
  #failure: string | undefined;

  /** Starts the worker; nothing of it has run yet when this returns. */
  constructor(
    name: ModuleName,
    { url, permissions, connections }: ModulePlan,
    onEvent: (event: unknown) => void,
  ) {
    this.name = name;
    this.#worker = this.#spawn(url, name, permissions);
    this.#channel = new Channel<Operations>(this.#worker, onEvent);
    this.#connections = Array.from(
      { length: connections?.count ?? 0 },
      () => this.#connect(connections!.permissions),
    );
  }

  /** Why the module does not run any more; `undefined` while it does. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** The asking end towards the module. */
  asker<Ops extends Operations>(): Channel<Ops> {
    return this.#channel as Channel<Operations> as Channel<Ops>;
  }

  /** Gives the module its settings; what its factory throws is thrown here. */
  async start(start: Start<unknown>): Promise<void> {
    await this.#channel.ask("start", start);
  }

  /** Lets the module close what it has open, and ends it. One that does not answer in time is ended anyway. */
  async end(withinMs: number): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, withinMs);
    const closed = this.#channel.ask("end", null);
    // One that died has nothing open any more.
    await Promise.race([closed.catch(() => {}), late.promise]);
    clearTimeout(timer);
    this.fail("relais ends");
  }

  wire(wire: Wire): void {
    this.#worker.postMessage(wire, [wire.port]);
  }

  follow(pass: NewPass): void {
    if (this.#failure === undefined) this.#worker.postMessage(pass);
  }

  /** Gives the module up: whoever waits for it is told why. Idempotent. */
  fail(reason: string): void {
    if (this.#failure !== undefined) return;
    this.#failure = reason;
    this.#channel.break(`Cannot go on with module ${this.name}: ${reason}`);
    // A worker that spins or blocks ignores this; the end of the process does not.
    for (const worker of [this.#worker, ...this.#connections]) {
      worker.terminate();
    }
  }

  #spawn(
    url: URL,
    name: string,
    permissions: Deno.PermissionOptionsObject,
  ): Worker {
    const worker = new Worker(url, {
      type: "module",
      name,
      deno: { permissions },
    });
    worker.onerror = (event) => {
      // Without this an error in any worker ends the whole process.
      event.preventDefault();
      this.fail(`${name === this.name ? "it" : name} died: ${event.message}`);
    };
    return worker;
  }

  /** Starts a worker for a connection, and joins the module to it. */
  #connect(permissions: Deno.PermissionOptionsObject): Worker {
    const worker = this.#spawn(connectionUrl, "its connection", permissions);
    const { port1, port2 } = new MessageChannel();
    worker.postMessage(port2, [port2]);
    this.wire({ wire: "connection", role: "ask", port: port1 });
    return worker;
  }
}
