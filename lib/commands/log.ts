/**
 * relais log: what the modules said.
 *
 * @module
 */

import {
  command,
  type Declaration,
  type GivenTo,
  type Surroundings,
} from "../cli/command.ts";
import { levels } from "../config/levels.ts";
import { ConfigError, type ExitStatus, exitStatus } from "../errors.ts";
import { readLog } from "../log/read.ts";
import { Signals } from "../supervisor/signals.ts";
import { moduleNames } from "../worker/protocol.ts";

/** How many messages are shown when not told. */
const defaultLines = 20;

const declaration = {
  name: "log",
  summary: "the messages of all modules",
  description: [
    "Shows the last messages in the log, from the oldest to the newest.",
  ],
  arguments: [{
    name: "text",
    required: false,
    help: "only messages that contain it, in upper or lower case",
  }],
  options: [
    {
      long: "lines",
      short: "n",
      kind: "integer",
      value: "N",
      help: "show the last N messages",
      default: `${defaultLines}; all with --since or --pass`,
    },
    {
      long: "since",
      kind: "duration",
      value: "DURATION",
      help: "all of the last DURATION, like 2h",
    },
    {
      long: "pass",
      kind: "path",
      value: "ID",
      help: "all of one pass; a message has its id before the text",
    },
    {
      long: "follow",
      short: "f",
      kind: "flag",
      help: "keep showing new messages",
    },
    {
      long: "module",
      kind: "choice",
      value: "MODULE",
      choices: [...moduleNames, "supervisor"],
      help: "only messages of this module",
    },
    {
      long: "level",
      kind: "choice",
      value: "LEVEL",
      choices: levels,
      help: "only this level and more severe ones",
    },
  ],
  examples: [
    {
      line: "relais log --since 1d --level warning",
      help: "what went wrong today",
    },
    {
      line: "relais log -f --module copy-list",
      help: "watch files arrive",
    },
  ],
} as const satisfies Declaration;

type Given = GivenTo<typeof declaration>;

export const log = command(declaration, show);

/** Shows the last messages, and with `follow` those to come; with `json` one object a line. */
async function show(
  given: Given,
  { output, load }: Surroundings,
): Promise<ExitStatus> {
  const { log: { file }, path } = await load();
  if (file === "") {
    throw new ConfigError(
      `Cannot show the log: ${path} has log.file = ""`,
      [],
      {
        hint: `set log.file in ${path}`,
      },
    );
  }
  using signals = new Signals();
  const { since, pass } = given;
  // A given time or pass is shown in full.
  const isBounded = since !== undefined || pass !== undefined;
  const messages = readLog(file, {
    ...given,
    lines: given.lines ?? (isBounded ? undefined : defaultLines),
    since: since === undefined ? undefined : Date.now() - since,
    signal: signals.signal,
  });
  let shown = 0;
  for await (const { line, ...message } of messages) {
    shown++;
    if (given.json) output.json(message);
    else output.result(line);
    // Nobody reads on: with --follow it would never end.
    if (output.isClosed) break;
  }
  if (shown === 0 && !signals.signal.aborted) {
    output.note('No message is like that; "relais log" shows the last ones');
  }
  return signals.exitStatus ?? exitStatus.done;
}
