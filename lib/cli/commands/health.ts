/**
 * The options that say when all is well.
 *
 * @module
 */

import type { Option } from "../option.ts";

export const healthOptions = [
  {
    long: "max-lag",
    kind: "duration",
    value: "DURATION",
    help: "not well if the replica lags further behind, like 15m",
    default: "no limit",
  },
  {
    long: "max-age",
    kind: "duration",
    value: "DURATION",
    help: "not well if the last pass ended longer ago",
    default: "1h, or three times schedule.every",
  },
] as const satisfies readonly Option[];
