/**
 * The declaration of `relais status`.
 *
 * @module
 */

import { healthOptions } from "./health.ts";
import { allJobsOption } from "./jobs.ts";
import type { Command } from "../option.ts";

export const status = {
  name: "status",
  summary: "the active server, the lag, the last passes, what failed",
  description: [
    "Tells whether there is a problem, which server is the active one and since when, what the last probes found, how far the replica lags behind, how the last passes ended, and which files could not be copied.",
    "On a server that publishes: its list and who writes it, how the last runs ended, and which sources were skipped. Of a machine that does both, it tells both.",
    "Exits with 0 if all is OK, with 1 if there is a problem: the last pass failed, or none has come to its end for --max-age, files failed, files come from another server than the first one, or the lag is longer than --max-lag.",
    "With --nagios it prints one line with performance data, and exits with 0 (OK), 1 (WARNING: some files failed, or a failover), 2 (CRITICAL) or 3 (UNKNOWN).",
    "With --all-jobs it tells of each job in a line, the worst first.",
  ],
  arguments: [],
  options: [
    {
      long: "watch",
      short: "w",
      kind: "flag",
      help: "show it again every two seconds",
    },
    ...healthOptions,
    {
      long: "nagios",
      kind: "flag",
      help: "speak as a Nagios plugin does",
      conflicts: "watch",
    },
    allJobsOption,
  ],
  examples: [
    { line: "relais status --json", help: "the same for a program" },
    {
      line: "relais status --nagios --max-lag 15m",
      help: "as a check of Nagios, Icinga, Checkmk …",
    },
    {
      line: "relais status --all-jobs --nagios",
      help: "one check for all jobs of this machine",
    },
  ],
} as const satisfies Command;
