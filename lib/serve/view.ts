/**
 * What the page is made of.
 *
 * @module
 */

import type { Period } from "../history/periods.ts";
import type { LogLine } from "../log/read.ts";
import type { FileHere } from "../state/overview.ts";
import type { Snapshot } from "../stats/snapshot.ts";
import type { Problem } from "../status/health.ts";
import type { Situation } from "../status/situation.ts";
import type { Range } from "./range.ts";

/** All that the page shows. */
export interface View {
  readonly situation: Situation;
  readonly problems: readonly Problem[];
  readonly range: Range;
  /** Every period of the range. */
  readonly periods: readonly Period[];
  /** The newest files, of those that match `query`. */
  readonly newest: readonly FileHere[];
  readonly query: string;
  /** The last lines, or why there are none. */
  readonly log: readonly LogLine[] | string;
  /** Whether there is a log to follow. */
  readonly follows: boolean;
  readonly snapshot: Snapshot | undefined;
}
