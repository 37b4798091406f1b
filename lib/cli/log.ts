/**
 * relais log: what the modules said.
 *
 * @module
 */

import type { Config, Level } from "../config/config.ts";
import { ConfigError, type ExitStatus, exitStatus } from "../errors.ts";
import type { Source } from "../log/message.ts";
import { readLog } from "../log/read.ts";
import { Signals } from "../supervisor/signals.ts";
import { defaultLines } from "./commands/log.ts";
import type { Output } from "./output.ts";

export interface LogArguments {
  readonly lines: number | undefined;
  readonly follow: boolean;
  readonly module: Source | undefined;
  readonly level: Level | undefined;
  /** Milliseconds. */
  readonly since: number | undefined;
  readonly pass: string | undefined;
  readonly text: string | undefined;
  readonly json: boolean;
}

/** Shows the last messages, and with `follow` those to come; with `json` one object a line. */
export async function log(
  { log: { file }, path }: Config,
  args: LogArguments,
  output: Output,
): Promise<ExitStatus> {
  if (file === "") {
    throw new ConfigError(
      `Cannot show the log: ${path} has log.file = ""`,
      [],
      {
        hint: "set log.file",
      },
    );
  }
  using signals = new Signals();
  const { since, pass } = args;
  // Whoever names a time or a pass wants all of it.
  const isBounded = since !== undefined || pass !== undefined;
  const messages = readLog(file, {
    ...args,
    lines: args.lines ?? (isBounded ? undefined : defaultLines),
    since: since === undefined ? undefined : Date.now() - since,
    signal: signals.signal,
  });
  for await (const { line, ...message } of messages) {
    if (args.json) output.json(message);
    else output.result(line);
  }
  return signals.exitStatus ?? exitStatus.done;
}
