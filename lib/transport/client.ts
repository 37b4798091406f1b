/**
 * One ssh client: a process whose bytes are passed on, and looked at by nobody
 * here.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { Flow } from "../worker/flow.ts";
import type {
  ClientEnd,
  FromClient,
  GroupEvent,
  ToClient,
} from "./operations.ts";

/** Bytes it may print before the rest is passed over: it has no more to say than that. */
const mostPrinted = 512 * 1024;

/** What a message takes besides its bytes, roughly. */
const perMessage = 256;

/** Bytes of the rest that are kept, the last ones. */
const keptPrinted = 4 * 1024;

/** How long it may take to end before it is killed. */
const endMs = 500;

/** Bytes of its output that are read at a time: what a pipe holds. */
const readBytes = 64 * 1024;

/** What a client is started with. */
export interface ClientOptions {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Where its bytes go to and come from. */
  readonly port: MessagePort;
  /** Hears of the process group. */
  readonly tell: (event: GroupEvent) => void;
}

/** A client that runs. It leads a process group of its own, without a terminal to ask questions on. */
export class Client {
  readonly #process: Deno.ChildProcess;
  readonly #flow: Flow<FromClient, ToClient>;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #printed = new Tail();
  /** Settles when it has ended, and all is told. */
  readonly ended: Promise<void>;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @throws {Error} If it cannot be started. */
  constructor({ command, environment, port, tell }: ClientOptions) {
    const [program, ...args] = command;
    this.#process = new Deno.Command(program!, {
      args,
      env: environment,
      clearEnv: true,
      cwd: "/",
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      detached: true,
    }).spawn();
    tell({ groupBegan: this.#process.pid });
    this.#input = this.#process.stdin.getWriter();
    this.#flow = new Flow(port, {
      bytes: (bytes) => this.#write(bytes),
      message: () => this.end(),
    });
    this.ended = this.#run(tell);
  }

  /** Asks it to end, and kills it if that takes too long. Idempotent. */
  end(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.#signal("SIGKILL"), endMs);
    this.#signal("SIGTERM");
  }

  async #run(tell: ClientOptions["tell"]): Promise<void> {
    const output = this.#process.stdout.getReader({ mode: "byob" });
    const printed = this.#process.stderr.getReader();
    const passing = [this.#passOutput(output), this.#passPrinted(printed)];
    const { code, signal } = await this.#process.status;
    clearTimeout(this.#timer);
    tell({ groupEnds: this.#process.pid });
    // What it has started may hold its output open, and the other side may take no more.
    await Promise.race([Promise.all(passing), delay(endMs)]);
    await Promise.allSettled([
      ...[output, printed].map((reader) => reader.cancel()),
      this.#input.abort(),
    ]);
    const ended: ClientEnd = {
      status: signal === null ? code : null,
      signal,
      last: this.#printed.bytes,
    };
    this.#flow.say({ ended });
    this.#flow.close();
  }

  async #passOutput(reader: ReadableStreamBYOBReader): Promise<void> {
    for (;;) {
      const memory = this.#flow.memory() ?? new ArrayBuffer(readBytes);
      const read = await reader.read(new Uint8Array(memory));
      if (read.done) return;
      this.#flow.send(read.value);
      await this.#flow.whenRoom();
    }
  }

  async #passPrinted(
    reader: ReadableStreamDefaultReader<Uint8Array>,
  ): Promise<void> {
    let told = 0;
    for (let read; !(read = await reader.read()).done;) {
      told += read.value.length + perMessage;
      // A slice has no more memory than it needs.
      if (told <= mostPrinted) this.#flow.say({ printed: read.value.slice() });
      else this.#printed.keep(read.value);
    }
  }

  async #write(bytes: Uint8Array): Promise<void> {
    try {
      await this.#input.write(bytes);
    } catch {
      // It reads no more: it is about to end, and how is told then.
    }
  }

  #signal(name: Deno.Signal): void {
    try {
      this.#process.kill(name);
    } catch (error) {
      // It has ended meanwhile.
      if (!(error instanceof TypeError)) throw error;
    }
  }
}

/** The last bytes of many. */
class Tail {
  bytes = new Uint8Array(0);

  keep(more: Uint8Array): void {
    const both = new Uint8Array(this.bytes.length + more.length);
    both.set(this.bytes);
    both.set(more, this.bytes.length);
    this.bytes = both.slice(-keptPrinted);
  }
}
