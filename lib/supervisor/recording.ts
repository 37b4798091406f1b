/**
 * What is done with the outcome of a pass: stat records it, the log names it, and
 * the administrator is told.
 *
 * @module
 */

import { describe } from "../errors.ts";
import type { Notice } from "../stat/notices.ts";
import type { Recorded } from "../stat/operations.ts";
import type { Probed } from "../test-server/operations.ts";
import {
  type Timestamp,
  timestampFromMilliseconds,
} from "../text/timestamp.ts";
import type { Logger } from "../worker/logger.ts";
import { brokenReport } from "./account.ts";
import type { Judging } from "./judging.ts";
import { logErrors } from "./lasting.ts";
import type { PassOutcome } from "./pass.ts";
import type { Telling } from "./telling.ts";

/** Records the passes of one replica. */
export class Recording {
  readonly #judging: Judging;
  readonly #log: Logger;
  readonly #telling: Telling;
  /** A dry run tells nobody. */
  readonly #isQuiet: boolean;

  constructor(
    judging: Judging,
    log: Logger,
    telling: Telling,
    isQuiet: boolean,
  ) {
    this.#judging = judging;
    this.#log = log;
    this.#telling = telling;
    this.#isQuiet = isQuiet;
  }

  /** Records and tells of a pass that began at `started`. */
  async conclude(
    { report, failures }: PassOutcome,
    started: Timestamp,
    signal: AbortSignal,
  ): Promise<void> {
    const { before, notices } = await this.#record(report, started);
    logErrors(this.#log, failures.map(describe), before);
    const { server, copied, bytes, seconds, exit } = report;
    const summary = `pass from ${
      server ?? "no server"
    }: ${copied} files, ${bytes} bytes, ${seconds} s, exit ${exit}`;
    this.#log.info(summary);
    if (this.#isQuiet) return;
    await this.#telling.tell(notices, signal);
    await this.#telling.end(exit, summary, signal);
  }

  /** Records and tells of a pass that `error` ended, as far as that is still possible. */
  async concludeBroken(
    error: unknown,
    started: { readonly at: number; readonly steady: number },
    signal: AbortSignal,
  ): Promise<void> {
    const seconds = (performance.now() - started.steady) / 1_000;
    const report = brokenReport(error, seconds);
    try {
      const { notices } = await this.#judging.record({
        report,
        started: timestampFromMilliseconds(started.at),
      });
      await this.#telling.tell(notices, signal);
    } catch (cause) {
      // It may be stat that died, or the state that cannot be written.
      this.#log.debug(
        `cannot record this pass in the history: ${describe(cause)}`,
      );
    }
    await this.#telling.end(report.exit, describe(error), signal);
  }

  /** Records the pass; returns what that brought to light. */
  async #record(
    report: PassOutcome["report"],
    started: Timestamp,
  ): Promise<Recorded> {
    try {
      return await this.#judging.record({ report, started });
    } catch (error) {
      for (const text of report.errors) this.#log.error(text);
      throw error;
    }
  }

  /** A pass may take hours: that another server serves is told at once. */
  async announceSwitch(
    { active: server, reason }: Probed,
    signal: AbortSignal,
  ): Promise<void> {
    const change = { server, reason };
    await this.#announce(() => this.#judging.judgeSwitch(change), signal);
  }

  /** Tells at once that this node leads, if the one before did not give that up. */
  async announceLead(signal: AbortSignal): Promise<void> {
    await this.#announce(() => this.#judging.judgeLead(), signal);
  }

  /** Tells in the middle of a pass what `judge` returns. */
  async #announce(
    judge: () => Promise<readonly Notice[]>,
    signal: AbortSignal,
  ): Promise<void> {
    if (this.#isQuiet) return;
    try {
      // The work goes on meanwhile; it ends with what there is to tell at its end.
      this.#telling.tell(await judge(), signal);
    } catch (error) {
      this.#log.warning(describe(error));
    }
  }
}
