/**
 * A node of the cluster that `relais demo --cluster` is about: relais as a process of
 * its own, so that it can be killed.
 *
 * @module
 */

import { executableCommand } from "../cli/executable.ts";
import type { ExitStatus } from "../errors.ts";

/** Outcome of a pass. */
export interface NodePass {
  readonly exit: ExitStatus;
  /** Output of relais. */
  readonly told: readonly string[];
}

/** One node, which runs at most one pass at a time. */
export class DemoNode implements AsyncDisposable {
  readonly name: string;
  readonly config: string;
  #process: Deno.ChildProcess | undefined;

  constructor(name: string, config: string) {
    this.name = name;
    this.config = config;
  }

  /** Begins a pass. */
  start(): void {
    const [program, ...args] = executableCommand();
    this.#process = new Deno.Command(program!, {
      args: [...args, "--once", "--config", this.config],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  }

  /** Waits for the end of the pass that was begun. */
  async end(): Promise<NodePass> {
    const { code, stdout, stderr } = await this.#process!.output();
    this.#process = undefined;
    const told = [stdout, stderr].flatMap((bytes) =>
      new TextDecoder().decode(bytes).split("\n")
    ).filter((line) => line !== "");
    return { exit: code, told };
  }

  /** Ends the process, if there is one, as a power failure does. */
  kill(): void {
    try {
      this.#process?.kill("SIGKILL");
    } catch (error) {
      // It has just ended.
      if (!(error instanceof TypeError)) throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    if (this.#process !== undefined) await this.end();
  }
}
