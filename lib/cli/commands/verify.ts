/**
 * The declaration of `relais verify`.
 *
 * @module
 */

import type { Command } from "../option.ts";

/** Bytes read in a second when not told. */
export const defaultRate = 50_000_000;

export const verify = {
  name: "verify",
  summary: "read the copies again, and hold them against their digests",
  description: [
    "Reads the files of the copy again, those verified longest ago first, and says which differ from what arrived, which are missing, and which did not come with relais. Of a file without a digest only the size and the date can tell.",
    "Exits with 0 if all is well, with 1 if a file differs or is missing.",
  ],
  arguments: [{
    name: "glob",
    required: false,
    help: "only paths that match; quote it from the shell",
  }],
  options: [
    {
      long: "repair",
      kind: "flag",
      help: "fetch again what differs or is missing, in a pass",
    },
    {
      long: "sample",
      kind: "share",
      value: "SHARE",
      help: "verify only this share of the files, like 1%",
      default: "all",
    },
    {
      long: "rate",
      kind: "size",
      value: "SIZE",
      help: "read no more than SIZE a second; 0: no limit",
      default: "50MB",
    },
  ],
  examples: [
    {
      line: "relais verify --sample 4%",
      help: "each night, for all of it in a month",
    },
    {
      line: "relais verify --repair 'stock/**'",
      help: "after the disk had errors",
    },
  ],
} as const satisfies Command;
