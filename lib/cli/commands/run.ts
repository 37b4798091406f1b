/**
 * The declaration of `relais`.
 *
 * @module
 */

import type { Command } from "../option.ts";

export const run = {
  name: "run",
  summary: "bring the replica up to date, and keep it so",
  description: [
    "Runs a pass at once, then one every schedule.every: tests the servers, reads what was added to the list of the best one, copies what is new, and starts hooks.on_new.",
    "Typed by root, it runs as the account that the state belongs to, or the copy before there is a state: under systemd with the key and the sandbox of the service. So do resolve, verify and check.",
  ],
  arguments: [],
  options: [
    { long: "once", kind: "flag", help: "run a single pass" },
    {
      long: "dry-run",
      short: "n",
      kind: "flag",
      help: "say what a pass would do, and write nothing anywhere",
    },
    {
      long: "max-time",
      kind: "duration",
      value: "DURATION",
      help: "stop a pass in good order after DURATION",
      default: "no limit",
    },
    {
      long: "max-transfer",
      kind: "size",
      value: "SIZE",
      help: "copy no more than SIZE in a pass, like 10GB; the next goes on",
      default: "no limit",
    },
    {
      long: "accept-shrink",
      kind: "flag",
      help:
        "with --once: believe a list that lost entries, and delete what it lost",
      needs: "once",
    },
    {
      long: "failback",
      kind: "flag",
      help:
        "with --once: go back to the preferred server that serves, whatever probe.hold and probe.failback say",
      needs: "once",
    },
  ],
  examples: [
    { line: "relais --once", help: "one pass, as a systemd timer runs it" },
    { line: "relais --dry-run --once", help: "what a pass would do" },
  ],
} as const satisfies Command;
