/**
 * relais stat: the figures of each module, and the history.
 *
 * @module
 */

import {
  command,
  type Declaration,
  type GivenTo,
  type Surroundings,
} from "../cli/command.ts";
import type { Output } from "../cli/output.ts";
import { requireWork } from "../config/load.ts";
import { type ExitStatus, exitStatus, LocalError } from "../errors.ts";
import { ownDirectoryOf } from "../files/own-directory.ts";
import { history } from "../stat/history-table.ts";
import { readSnapshot, type Snapshot, snapshotPath } from "../stat/snapshot.ts";
import { steps } from "../stat/step.ts";
import { figuresOf } from "../worker/figures.ts";
import { moduleNames } from "../worker/protocol.ts";

const declaration = {
  name: "stat",
  summary: "the figures each module keeps, and the history",
  description: [
    "Shows the figures that each module keeps of its own work.",
    "With --since it shows the results of passes, added up by the hour or the day, with small charts. The history is kept for stat.keep. On a server that publishes it is the history of publishing; on a machine that does both, the history of the replica.",
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
} as const satisfies Declaration;

type Given = GivenTo<typeof declaration>;

export const stat = command(declaration, tell);

/** Shows the figures as they were written last, at most a second ago while relais works; with `since` the history. */
async function tell(
  { json, csv, since, by }: Given,
  { output, load }: Surroundings,
): Promise<ExitStatus> {
  const config = requireWork(await load());
  const { replica, publish } = config;
  const own = publish && ownDirectoryOf(publish);
  if (since !== undefined) {
    const past = { state: replica?.state ?? own!, publishes: replica === null };
    history(past, { json, csv, since, by }, output);
    return exitStatus.done;
  }
  const snapshot = await readFigures(replica?.state ?? own!);
  // On a machine that is both, each has written its own.
  const beside = replica && own ? await readFigures(own) : undefined;
  show(withPublish(snapshot, beside), json, output);
  return exitStatus.done;
}

async function readFigures(directory: string): Promise<Snapshot | undefined> {
  const { snapshot, problem } = await readSnapshot(snapshotPath(directory));
  if (problem === undefined) return snapshot;
  throw new LocalError(problem, {
    hint: 'run "relais --once", which writes it again',
  });
}

function withPublish(
  replica: Snapshot | undefined,
  publisher: Snapshot | undefined,
): Snapshot | undefined {
  if (replica === undefined || publisher === undefined) {
    return replica ?? publisher;
  }
  const { publish } = publisher.modules;
  return { ...replica, modules: { ...replica.modules, publish } };
}

const nothingYet =
  'No figures yet: nothing has run here; run "relais --once", or on a server "relais publish --once"';

function show(
  snapshot: Snapshot | undefined,
  json: boolean,
  output: Output,
): void {
  if (json) output.json(snapshot ?? null);
  else if (snapshot === undefined) {
    output.result(nothingYet);
  } else {
    for (const module of moduleNames) {
      output.result(module);
      for (const [name, { help }] of figuresOf(module)) {
        const value = String(snapshot.modules[module][name] ?? 0);
        output.result(`  ${name.padEnd(20)} ${value.padStart(16)}  ${help}`);
      }
    }
  }
}
