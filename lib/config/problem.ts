/**
 * What is wrong in a configuration file, and how it is told.
 *
 * @module
 */

import { basename } from "@std/path/posix";
import { ConfigError } from "../errors.ts";
import { cutUtf8, escapeVisible } from "../text/escape.ts";
import type { KeyPath } from "./position.ts";

/** One thing that is wrong. */
export interface Problem {
  /** The key it is wrong with, or the table; empty for the whole file. */
  readonly path: KeyPath;
  /** What was found and what is expected, as the end of a sentence. */
  readonly what: string;
}

/** A line of a file, and the column where one is known; both counted from 1. */
export interface Place {
  readonly line: number;
  readonly column?: number;
}

/** Tells one problem, as compilers do: `relais.toml:12: probe.rise: expected …`. */
export function tell(
  file: string,
  { line, column }: Place,
  { path, what }: Problem,
): string {
  const place = column === undefined ? `${line}` : `${line}:${column}`;
  const key = nameOf(path);
  return `${basename(file)}:${place}: ${key === "" ? "" : `${key}: `}${what}`;
}

/** Makes one error of all problems, as {@link tell} tells them. */
export function unusable(
  file: string,
  problems: readonly string[],
): ConfigError {
  const count = problems.length === 1
    ? "one problem"
    : `${problems.length} problems`;
  return new ConfigError(`Cannot use ${file}: ${count}`, problems);
}

/** Shows a value that was found; never more than the beginning of it. */
export function show(value: unknown): string {
  if (typeof value === "string") return `"${excerpt(value)}"`;
  if (Array.isArray(value)) return "a list";
  if (value instanceof Date) return "a date";
  return typeof value === "object" ? "a table" : String(value);
}

const shownBytes = 60;

/** A whole key may have been pasted where its path belongs: its first line is enough. */
function excerpt(value: string): string {
  const [first = ""] = value.split("\n", 1);
  const { text } = cutUtf8(first, shownBytes);
  return `${escapeVisible(text)}${text === value ? "" : "…"}`;
}

/** Writes a path as it stands in the file: `server.port`; the line says which server. */
function nameOf(path: KeyPath): string {
  return path.filter((part) => typeof part === "string")
    .map((part) => excerpt(part)).join(".");
}
