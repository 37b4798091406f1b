/**
 * What modules send to the log: one line each, of at most 128 bytes.
 *
 * @module
 */

import type { Level } from "../config/config.ts";
import { levels } from "../config/levels.ts";
import { cutUtf8, escapeVisible } from "../text/escape.ts";
import type { ModuleName } from "./protocol.ts";

/** Who has something to log. */
export type Source = ModuleName | "supervisor";

/** One message, as it travels. */
export interface LogMessage {
  /** When it was logged, in milliseconds since the epoch. */
  readonly time: number;
  readonly module: Source;
  readonly level: Level;
  /** At most {@link maxTextBytes} bytes of UTF-8 without control characters; ends with `…` if it was cut. */
  readonly text: string;
  /** The pass it belongs to; no spaces. */
  readonly pass?: string;
}

/** Bytes of UTF-8 that the text of a message may have. */
export const maxTextBytes = 128;

/** Ends a text that was cut; its three bytes count. */
const cutMark = "…";
const cutMarkBytes = 3;

/** Makes a message, now, and says whether its text had to be cut. */
export function makeMessage(
  module: Source,
  level: Level,
  text: string,
  pass: string = "",
): { readonly message: LogMessage; readonly cut: boolean } {
  const fitted = fit(text);
  const message = {
    time: Date.now(),
    module,
    level,
    text: fitted.text,
    ...(pass === "" ? {} : { pass }),
  };
  return { message, cut: fitted.cut };
}

/** Priorities in the journal, sd-daemon(3). */
const priorities = { error: 3, warning: 4, notice: 5, info: 6, debug: 7 };

/** What a line for the journal begins with; systemd adds date and name itself. */
export function journalPrefix(gravity: keyof typeof priorities): string {
  return `<${priorities[gravity]}>`;
}

/** Tells whether `level` is as grave as `threshold`, or graver. */
export function isAtLeast(level: Level, threshold: Level): boolean {
  return levels.indexOf(level) >= levels.indexOf(threshold);
}

function fit(text: string): { readonly text: string; readonly cut: boolean } {
  // A character has a byte at least: of a huge text only the beginning is worth the work.
  const visible = escapeVisible(text.slice(0, maxTextBytes + 1));
  if (!cutUtf8(visible, maxTextBytes).cut) return { text: visible, cut: false };
  const beginning = cutUtf8(visible, maxTextBytes - cutMarkBytes).text;
  return { text: beginning + cutMark, cut: true };
}
