/**
 * The values of options.
 *
 * @module
 */

import { parseDuration, parseShare, parseSize } from "../config/units.ts";
import { isJobName } from "../config/job.ts";
import { UsageError } from "../errors.ts";
import type { Option } from "./command.ts";
import { flagGiven } from "./spelling.ts";

/**
 * Reads what `parseArgs` found for an option; of several values the last one.
 *
 * @throws {UsageError} If the option cannot have that value.
 */
export function valueOf(
  option: Option,
  found: unknown,
): boolean | string | number | undefined {
  const text = (Array.isArray(found) ? found.at(-1) : found) as
    | string
    | undefined;
  if (option.kind === "flag") return flag(option.long, text);
  if (text === undefined) return undefined;
  if (text === "") {
    throw wrong(option.long, `it needs a value: ${option.value}`);
  }
  switch (option.kind) {
    case "path":
    case "server":
      return text;
    case "account":
      return account(option.long, text);
    case "job":
      return job(option.long, text);
    case "integer":
      return integer(option.long, text);
    case "duration":
      return duration(option.long, text);
    case "size":
      return size(option.long, text);
    case "share":
      return share(option.long, text);
    case "choice":
      if (option.choices.includes(text)) return text;
      throw wrong(
        option.long,
        `"${text}" is not known; use one of ${option.choices.join(", ")}`,
      );
  }
}

function flag(long: string, text: string | undefined): boolean {
  if (text === undefined) return false;
  if (text === flagGiven) return true;
  throw wrong(long, "it takes no value");
}

function integer(long: string, text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw wrong(long, `"${text}" is not a whole number`);
}

/** As useradd(8) allows; nothing else is safe in a unit. */
function account(long: string, text: string): string {
  if (/^[a-z_][a-z0-9_-]{0,30}\$?$/.test(text)) return text;
  throw wrong(long, `"${text}" is not the name of an account`);
}

function job(long: string, text: string): string {
  if (isJobName(text)) return text;
  throw wrong(
    long,
    `"${text}" is not the name of a job; write up to 64 letters, digits, "-", "_" and ".", the first one a letter, a digit or "_"`,
  );
}

function duration(long: string, text: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds !== undefined) return milliseconds;
  throw wrong(long, `"${text}" is not a duration; write 90s or 5m`);
}

function size(long: string, text: string): number {
  const bytes = parseSize(text);
  if (bytes !== undefined) return bytes;
  throw wrong(long, `"${text}" is not a size; write 500MB or 10GB`);
}

function share(long: string, text: string): number {
  const value = parseShare(text);
  if (value !== undefined) return value;
  throw wrong(long, `"${text}" is not a share; write 1% or 50%`);
}

function wrong(long: string, what: string): UsageError {
  return new UsageError(`Cannot use --${long}: ${what}`);
}
