/**
 * Who judges what there is to tell of passes: stat; or in a cluster, the module that
 * asks the database what other nodes have told.
 *
 * @module
 */

import type { Notice } from "../stat/notices.ts";
import type {
  Recorded,
  SharedNoticeOperations,
  StatOperations,
} from "../stat/operations.ts";
import type { PassReport } from "../state/pass-report.ts";
import type { Timestamp } from "../text/timestamp.ts";
import type { Channel } from "../worker/channel.ts";

/** A pass that has ended. */
interface EndedPass {
  readonly report: PassReport;
  readonly started: Timestamp;
}

/** Has the passes of one replica judged. */
export class Judging {
  readonly #stat: () => Channel<StatOperations>;
  readonly #nodes: () => Channel<SharedNoticeOperations> | undefined;

  /**
   * @param stat Returns the module, which may have died since it was last asked.
   * @param nodes Returns the module that speaks for all nodes; `undefined` if this
   * machine is alone, or the module does not run.
   */
  constructor(
    stat: () => Channel<StatOperations>,
    nodes: () => Channel<SharedNoticeOperations> | undefined,
  ) {
    this.#stat = stat;
    this.#nodes = nodes;
  }

  /**
   * Records a pass, and judges it. A node that cannot ask the others judges for itself.
   *
   * @throws {RemoteFailure} If the pass cannot be recorded.
   */
  async record(pass: EndedPass): Promise<Recorded> {
    const { report } = pass;
    const shared = await this.#nodes()?.ask("judgePass", { report }).catch(
      () => undefined, // The pass has failed for the same reason.
    );
    const isJudged = shared !== undefined;
    const recorded = await this.#stat().ask("record", { ...pass, isJudged });
    const notices = [...shared ?? [], ...recorded.notices];
    return { ...recorded, notices };
  }

  /** Judges that another server is the active one. */
  judgeSwitch(change: {
    readonly server: string | null;
    readonly reason: string;
  }): Promise<readonly Notice[]> {
    return this.#nodes()?.ask("judgeSwitch", change) ??
      this.#stat().ask("switched", change);
  }

  /** Judges, on a node that leads, whether the one before has given that up. */
  async judgeLead(): Promise<readonly Notice[]> {
    return await this.#nodes()?.ask("judgeLead", null) ?? [];
  }

  /** Remembers that nobody heard of a state; of which memory it came, nobody knows. */
  async unheard({ condition }: Pick<Notice, "condition">): Promise<void> {
    await this.#stat().ask("unheard", { condition });
    await this.#nodes()?.ask("unheard", { condition });
  }
}
