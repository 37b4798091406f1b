/**
 * Turning lines of a foreign list to entries.
 *
 * @module
 */

import type { Entry } from "../list/entry.ts";
import { readForeignLine } from "../list/foreign.ts";
import type { ForeignFormat, ForeignLine } from "../text/foreign-format.ts";
import type { SessionRequests } from "../ssh/session-requests.ts";
import { SftpError } from "../ssh/sftp-error.ts";
import type { SetEnd } from "../state/intake.ts";
import { timestampFromSeconds } from "../text/timestamp.ts";
import { type Outcome, refuse } from "./outcome.ts";

/** How a server's own list is read. */
export interface ForeignReading {
  readonly format: ForeignFormat;
  readonly session: Pick<SessionRequests, "stat">;
  /** Where the files lie on the server. */
  readonly root: string;
}

/** Reads lines that have no numbers: their place in the list is taken for one. */
export class ForeignLines {
  /** Number of the last line. */
  seq: number;
  /** Such a list has neither numbers that could be missing, nor extensions, nor sets. */
  readonly gap = false;
  readonly extensions = 0;
  readonly ends: SetEnd[] = [];
  readonly #how: ForeignReading;
  readonly #outcome: Outcome;

  constructor(seq: number, how: ForeignReading, outcome: Outcome) {
    this.seq = seq;
    this.#how = how;
    this.#outcome = outcome;
  }

  /** @throws {SftpError} If the server can tell of no file any more. */
  async read(lines: readonly string[]): Promise<Entry[]> {
    const entries = lines.map((line) => this.#read(line));
    const all = await Promise.all(entries);
    return all.filter((entry) => entry !== undefined);
  }

  async #read(line: string): Promise<Entry | undefined> {
    const seq = ++this.seq;
    if (line.trim() === "") return undefined;
    const { format, root } = this.#how;
    const parsed = readForeignLine(format, line, root);
    if ("reason" in parsed) {
      this.#refuse(seq, null, parsed.reason);
      return undefined;
    }
    return await this.#entry(seq, parsed.value);
  }

  /** Asks the server for what the list does not tell. */
  async #entry(
    seq: number,
    { path, date, size }: ForeignLine,
  ): Promise<Entry | undefined> {
    const op = "+" as const;
    const entry = { seq, op, published: date, mode: null, digest: null, path };
    if (size !== null) return { ...entry, mtime: date, size };
    try {
      const stat = await this.#how.session.stat(`${this.#how.root}/${path}`);
      if (stat.kind === "file") {
        const mtime = timestampFromSeconds(stat.mtime);
        return { ...entry, mtime, size: stat.size, mode: stat.mode };
      }
      this.#refuse(seq, path, `${path} is no file`);
    } catch (error) {
      if (!(error instanceof SftpError) || error.retriable) throw error;
      // It is gone by now, or was never there: what writes the list must copy first.
      this.#refuse(seq, path, error.message);
    }
    return undefined;
  }

  #refuse(line: number, path: string | null, what: string): void {
    refuse(this.#outcome, { line, path, reason: `line ${line}: ${what}` });
  }
}
