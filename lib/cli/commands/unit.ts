/**
 * The declaration of `relais unit`.
 *
 * @module
 */

import type { Command } from "../option.ts";

export const unit = {
  name: "unit",
  summary: "the systemd units that run relais here",
  description: [
    "Prints the units that the configuration has work for: a timer with a service that runs one pass, a service that stays, and on a server a timer that publishes. They confine relais to what it needs.",
    "The units of a job have its name: relais@NAME.timer, relais@NAME.service.",
    "Private keys are handed over by systemd, so that root alone can read their files.",
  ],
  arguments: [],
  options: [
    {
      long: "install",
      kind: "flag",
      help: "write them to where systemd looks, and say how to go on",
    },
    {
      long: "user",
      kind: "flag",
      help: "for a service of the calling user",
      conflicts: "run-as",
    },
    {
      long: "run-as",
      kind: "account",
      value: "ACCOUNT",
      help: "the account that runs relais",
      default: "relais",
      conflicts: "user",
    },
    {
      long: "dynamic-user",
      kind: "flag",
      help:
        "an account that exists only while relais runs; for copies below /var/lib",
      conflicts: "run-as",
    },
  ],
  examples: [
    {
      line: "relais unit --install",
      help: "as root, once relais check is content",
    },
  ],
} as const satisfies Command;
