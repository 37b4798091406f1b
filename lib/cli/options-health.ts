/**
 * The options that say what is a problem.
 *
 * @module
 */

import type { Option } from "./command.ts";

export const healthOptions = [
  {
    long: "max-lag",
    kind: "duration",
    value: "DURATION",
    help: "a problem if the lag is longer, like 15m",
    default: "no limit",
  },
  {
    long: "max-age",
    kind: "duration",
    value: "DURATION",
    help: "a problem if the last pass ended longer ago",
    default: "1h, or three times schedule.every",
  },
  {
    long: "critical-failover",
    kind: "flag",
    help:
      "critical instead of a warning if the active server is not the first one",
  },
] as const satisfies readonly Option[];
