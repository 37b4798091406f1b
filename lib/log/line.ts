/**
 * One message as one line: of the log file, of stderr, of the journal.
 *
 * @module
 */

import { journalPrefix } from "../worker/log-message.ts";
import type { Level } from "../config/config.ts";
import { levels } from "../config/levels.ts";
import { moduleNames } from "../worker/protocol.ts";
import type { LogMessage, Source } from "../worker/log-message.ts";

/** Stands where there is no pass. */
const noPass = "-";

const form = /^(\S+) (\S+) (\S+) (\S+) (\P{Cc}*)$/u;

/** Bytes that the longest line of the log file has room in. */
export const maxLineBytes = 200;

/** Formats a message for the log file: `TIME LEVEL MODULE PASS TEXT`, without line end. */
export function formatLine(message: LogMessage): string {
  const { time, level, module, pass = noPass, text } = message;
  return `${new Date(time).toISOString()} ${level} ${module} ${pass} ${text}`;
}

/** Reads a line of the log file back, or returns `undefined` for what is none. */
export function parseLine(line: string): LogMessage | undefined {
  const match = form.exec(line);
  if (match === null) return undefined;
  const [, date, level, module, pass, text] = match as unknown as string[];
  const time = Date.parse(date!);
  if (Number.isNaN(time) || !isLevel(level!) || !isSource(module!)) {
    return undefined;
  }
  const message = { time, module, level, text: text! };
  return pass === noPass ? message : { ...message, pass: pass! };
}

/** Formats a message for a terminal or a pipe, without line end. */
export function formatForPerson({ level, module, text }: LogMessage): string {
  const gravity = level === "info" ? "" : `${level}: `;
  return `relais: ${module}: ${gravity}${text}`;
}

/** Formats a message for a stderr that systemd reads, without line end. */
export function formatForJournal({ level, module, text }: LogMessage): string {
  return `${journalPrefix(level)}${module}: ${text}`;
}

function isLevel(text: string): text is Level {
  return (levels as readonly string[]).includes(text);
}

function isSource(text: string): text is Source {
  return text === "supervisor" ||
    (moduleNames as readonly string[]).includes(text);
}
