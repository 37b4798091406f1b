/**
 * The declaration of `relais stat`.
 *
 * @module
 */

import { steps } from "../../history/step.ts";
import type { Command } from "../option.ts";

export const stat = {
  name: "stat",
  summary: "the figures each module keeps, and the history",
  description: [
    "Shows the figures that each module keeps of its own work.",
    "With --since it shows what passes came to, added up by the hour or the day, with small charts. The history is kept for stat.keep. On a server it is that of what was published; where a machine does both, that of the replica.",
  ],
  arguments: [],
  options: [
    {
      long: "since",
      kind: "duration",
      value: "DURATION",
      help: "the history of the last DURATION, like 7d",
    },
    {
      long: "by",
      kind: "choice",
      value: "STEP",
      choices: steps,
      help: "a row for each pass, hour or day",
      default: "hour up to 2 days, day beyond",
      needs: "since",
    },
    {
      long: "csv",
      kind: "flag",
      help: "the history as CSV",
      needs: "since",
      conflicts: "json",
    },
  ],
  examples: [
    { line: "relais stat --since 7d", help: "the last week, by the day" },
    {
      line: "relais stat --since 400d --by hour --csv > relais.csv",
      help: "all of it, for a spreadsheet",
    },
  ],
} as const satisfies Command;
