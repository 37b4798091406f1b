/**
 * What relais tells: results on stdout, everything else on stderr. Besides the
 * log module, nobody else prints.
 *
 * @module
 */

import { escapeVisible } from "../escape.ts";

export interface OutputOptions {
  readonly verbose: boolean;
  readonly quiet: boolean;
}

/** Priority of an error in the journal, sd-daemon(3). */
const errorPriority = "<3>";

/** The two streams of one run of relais. */
export class Output {
  readonly verbose: boolean;
  readonly quiet: boolean;
  /** Whether stderr goes to the journal. */
  readonly journal: boolean;

  constructor({ verbose, quiet }: OutputOptions) {
    this.verbose = verbose;
    this.quiet = quiet;
    this.journal = Deno.env.has("JOURNAL_STREAM");
  }

  /** Prints one line of a result; what a terminal would act upon is made visible. */
  result(line: string): void {
    print(Deno.stdout, escapeVisible(line));
  }

  /** Prints text of our own, of any number of lines. */
  text(text: string): void {
    print(Deno.stdout, text);
  }

  /** Prints a result as JSON, on one line. */
  json(value: unknown): void {
    print(Deno.stdout, JSON.stringify(value));
  }

  /** Tells something that is no result. */
  note(text: string): void {
    if (!this.quiet) print(Deno.stderr, `relais: ${escapeVisible(text)}`);
  }

  /** Tells what went wrong. */
  error(text: string): void {
    const prefix = this.journal ? errorPriority : "relais: ";
    print(Deno.stderr, prefix + escapeVisible(text));
  }
}

function print(
  stream: typeof Deno.stdout | typeof Deno.stderr,
  text: string,
): void {
  const bytes = new TextEncoder().encode(`${text}\n`);
  try {
    for (let written = 0; written < bytes.length;) {
      written += stream.writeSync(bytes.subarray(written));
    }
  } catch (error) {
    // Whoever closed the pipe, as `head` does, has read enough.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
