/**
 * The declaration of `relais publish`.
 *
 * @module
 */

import type { Command } from "../option.ts";

export const publish = {
  name: "publish",
  summary: "on a server: copy the configured files into the export",
  description: [
    "Copies the files of publish.files that are new or changed into the export, and adds a line for each to the list: at once, then every schedule.every.",
  ],
  arguments: [],
  options: [
    { long: "once", kind: "flag", help: "run a single time" },
    {
      long: "watch",
      short: "w",
      kind: "flag",
      help: "publish as soon as a source has changed, too",
      conflicts: "once",
    },
    {
      long: "accept-shrink",
      kind: "flag",
      help: "with --once: withdraw what is gone, however much it is",
      needs: "once",
    },
    {
      long: "verify",
      kind: "flag",
      help:
        "with --once: re-read the export, and publish again what is not as the list says",
      needs: "once",
    },
    {
      long: "print-sh",
      kind: "flag",
      help:
        "print a shell script that does it once, for a UNIX that relais does not run on",
    },
  ],
  examples: [
    { line: "relais publish --once", help: "publish once, as cron runs it" },
    {
      line: "relais publish --print-sh > relais-publish.sh",
      help: "for cron on Solaris, AIX, HP-UX, BSD …",
    },
  ],
} as const satisfies Command;
