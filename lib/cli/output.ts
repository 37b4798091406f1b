/**
 * What relais tells: results on stdout, everything else on stderr. Besides the
 * log module, nobody else prints.
 *
 * @module
 */

import { journalPrefix } from "../worker/log-message.ts";
import {
  ConfigError,
  describe,
  LocalError,
  type RelaisError,
} from "../errors.ts";
import { escapeVisible } from "../text/escape.ts";
import { cursorHome, eraseLine, eraseRest } from "../text/terminal.ts";
import { fit } from "./width.ts";
import type { Terminal } from "./live-block.ts";
import { completeCommands, type NamedConfig } from "./recommended.ts";
import { writeAll } from "../files/write-all.ts";
import { systemReason } from "../text/system-reason.ts";

export interface OutputOptions extends NamedConfig {
  readonly verbose: boolean;
  readonly quiet: boolean;
}

/** The two streams of one run of relais. */
export class Output {
  readonly verbose: boolean;
  readonly quiet: boolean;
  /** True if stderr goes to the journal. */
  readonly journal: boolean;
  readonly #named: NamedConfig;
  #isClosed = false;

  constructor({ verbose, quiet, config, job }: OutputOptions) {
    this.#named = { config, job };
    this.verbose = verbose;
    this.quiet = quiet;
    this.journal = isJournal(2);
  }

  /** True once whoever reads the results has closed the pipe, as `head` does: there is no need for more. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Prints one line of a result; what a terminal would act upon is made visible. */
  result(line: string): void {
    this.#print(escapeVisible(this.#complete(line)));
  }

  /** Prints text of our own, of any number of lines. */
  text(text: string): void {
    this.#print(text);
  }

  /**
   * Shows lines in place of those shown before, cut to the size of the terminal;
   * without one, below them. What did not change does not flicker.
   */
  screen(lines: readonly string[]): void {
    const texts = lines.map((line) => escapeVisible(this.#complete(line)));
    if (!Deno.stdout.isTerminal()) {
      return this.#print(`${texts.join("\n")}\n`);
    }
    const { columns, rows } = Deno.consoleSize();
    const shown = texts.slice(0, rows - 1).map((text) =>
      fit(text, columns) + eraseLine
    );
    this.#print(cursorHome + shown.join("\n") + eraseRest);
  }

  /** The terminal to draw on while something takes its time; `undefined` where nothing must be drawn. */
  get terminal(): Terminal | undefined {
    const term = Deno.env.get("TERM") ?? "dumb";
    const able = Deno.stderr.isTerminal() && term !== "dumb" && term !== "";
    if (!able || this.quiet || this.journal) return undefined;
    return {
      write: tellAtAll,
      size: () => Deno.consoleSize(),
    };
  }

  /** Prints a result as JSON, on one line. */
  json(value: unknown): void {
    this.#print(JSON.stringify(value));
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
    tellAtAll(`${prefix}${escapeVisible(this.#complete(text))}\n`);
  }

  #complete(text: string): string {
    return completeCommands(text, this.#named);
  }

  /**
   * Prints a result.
   *
   * @throws {LocalError} If it cannot be written, and not because nobody wants it.
   */
  #print(text: string): void {
    try {
      writeAll(Deno.stdout, new TextEncoder().encode(`${text}\n`));
    } catch (cause) {
      if (!(cause instanceof Deno.errors.BrokenPipe)) throw unwritable(cause);
      this.#isClosed = true;
    }
  }
}

function unwritable(cause: unknown): LocalError {
  return new LocalError(
    `Cannot write to the standard output: ${systemReason(cause)}`,
    {
      cause,
      hint: "check the disk, or the program, that the output goes to",
    },
  );
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

/** Writes to stderr. If that fails, there is nobody left to tell. */
function tellAtAll(text: string): void {
  try {
    writeAll(Deno.stderr, new TextEncoder().encode(text));
  } catch {
    // The exit status still says how it went.
  }
}
