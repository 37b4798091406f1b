/**
 * What relais tells: results on stdout, everything else on stderr. Besides the
 * log module, nobody else prints.
 *
 * @module
 */

import { journalPrefix } from "../worker/log-message.ts";
import { ConfigError, describe, type RelaisError } from "../errors.ts";
import { escapeVisible } from "../text/escape.ts";
import { cursorHome, eraseLine, eraseRest } from "../text/terminal.ts";
import { fit } from "./width.ts";
import type { Terminal } from "./live-block.ts";
import { writeAll } from "../files/write-all.ts";

export interface OutputOptions {
  readonly verbose: boolean;
  readonly quiet: boolean;
  /** The job that a command line names. */
  readonly job?: string | undefined;
}

/** A command that a message recommends for this machine; `relais publish` alone is for another one. */
const recommended = /"relais (?!init\b|help\b|publish")([^"]*)"/g;

/** The two streams of one run of relais. */
export class Output {
  readonly verbose: boolean;
  readonly quiet: boolean;
  /** True if stderr goes to the journal. */
  readonly journal: boolean;
  readonly #job: string | undefined;

  constructor({ verbose, quiet, job }: OutputOptions) {
    this.#job = job;
    this.verbose = verbose;
    this.quiet = quiet;
    this.journal = isJournal(2);
  }

  /** Prints one line of a result; what a terminal would act upon is made visible. */
  result(line: string): void {
    print(Deno.stdout, escapeVisible(this.#ofJob(line)));
  }

  /** Prints text of our own, of any number of lines. */
  text(text: string): void {
    print(Deno.stdout, text);
  }

  /**
   * Shows lines in place of those shown before, cut to the size of the terminal;
   * without one, below them. What did not change does not flicker.
   */
  screen(lines: readonly string[]): void {
    if (!Deno.stdout.isTerminal()) {
      return print(Deno.stdout, `${lines.map(escapeVisible).join("\n")}\n`);
    }
    const { columns, rows } = Deno.consoleSize();
    const shown = lines.slice(0, rows - 1).map((line) =>
      fit(escapeVisible(line), columns) + eraseLine
    );
    print(Deno.stdout, cursorHome + shown.join("\n") + eraseRest);
  }

  /** The terminal to draw on while something takes its time; `undefined` where nothing must be drawn. */
  get terminal(): Terminal | undefined {
    const term = Deno.env.get("TERM") ?? "dumb";
    const able = Deno.stderr.isTerminal() && term !== "dumb" && term !== "";
    if (!able || this.quiet || this.journal) return undefined;
    return {
      write: (text) => write(Deno.stderr, text),
      size: () => Deno.consoleSize(),
    };
  }

  /** Prints a result as JSON, on one line. */
  json(value: unknown): void {
    print(Deno.stdout, JSON.stringify(value));
  }

  /** Tells something that is no result. */
  note(text: string): void {
    if (!this.quiet) this.#tell("notice", text);
  }

  /** Tells what went wrong. */
  error(text: string): void {
    this.#tell("error", text);
  }

  /** Tells an error, and each problem of a configuration on a line of its own. */
  failure(error: RelaisError): void {
    this.error(describe(error));
    const problems = error instanceof ConfigError ? error.problems : [];
    for (const problem of problems) this.error(problem);
  }

  #tell(gravity: "error" | "notice", text: string): void {
    const prefix = this.journal ? journalPrefix(gravity) : "relais: ";
    print(Deno.stderr, prefix + escapeVisible(this.#ofJob(text)));
  }

  /** Without the name of its job, a command that is recommended would be about another one. */
  #ofJob(text: string): string {
    const job = this.#job;
    if (job === undefined) return text;
    return text.replaceAll(
      recommended,
      (_, command: string) => `"relais ${command} --job ${job}"`,
    );
  }
}

/**
 * Tells whether a descriptor leads to the journal. `JOURNAL_STREAM` names what the
 * manager gave us; whoever redirects our stderr leaves it as it is
 * (systemd.exec(5)).
 */
function isJournal(descriptor: number): boolean {
  const stream = Deno.env.get("JOURNAL_STREAM");
  if (stream === undefined) return false;
  // Loading it takes as long as the whole of some commands.
  const { fstatSync } = process.getBuiltinModule("node:fs");
  const { dev, ino } = fstatSync(descriptor, { bigint: true });
  return stream === `${dev}:${ino}`;
}

function print(
  stream: typeof Deno.stdout | typeof Deno.stderr,
  text: string,
): void {
  write(stream, `${text}\n`);
}

function write(
  stream: typeof Deno.stdout | typeof Deno.stderr,
  text: string,
): void {
  const bytes = new TextEncoder().encode(text);
  try {
    writeAll(stream, bytes);
  } catch (error) {
    // Whoever closed the pipe, as `head` does, has read enough.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
