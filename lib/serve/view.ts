/**
 * Data from which the page is rendered.
 *
 * @module
 */

import type { Period } from "../stat/periods.ts";
import type { LogLine } from "../log/read.ts";
import type { FileHere } from "../state/overview.ts";
import type { JobView } from "../status/job.ts";
import type { Range } from "./range.ts";

/** All that the page shows. */
export interface View extends JobView {
  /** Its name, where there are several; `null` where there is one. */
  readonly name: string | null;
  /** Time of these data, in seconds since the epoch. */
  readonly now: number;
  readonly range: Range;
  /** Every period of the range: of the replica, where there is one. */
  readonly periods: readonly Period[];
  /** The newest files, of those that match `query`. */
  readonly newest: readonly FileHere[];
  readonly query: string;
  /** The last lines, or why there are none. */
  readonly log: readonly LogLine[] | string;
  /** True if there is a log to follow. */
  readonly follows: boolean;
}
