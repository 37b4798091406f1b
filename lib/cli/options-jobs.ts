/**
 * The option that asks for all jobs of a machine.
 *
 * @module
 */

import type { Option } from "./command.ts";

export const allJobsOption = {
  long: "all-jobs",
  kind: "flag",
  help: "cover each configuration in /etc/relais",
  conflicts: ["job", "config"],
} as const satisfies Option;
