/**
 * Lists that relais did not write: lines of fields in an order of their own, as
 * a pattern describes them.
 *
 *     {date:%d/%m/%Y %H:%M:%S};{size};{path}
 *
 * @module
 */

import {
  parseTimestamp,
  type Timestamp,
  timestampFromNanoseconds,
} from "./timestamp.ts";
import type { Parsed } from "./parsed.ts";

/** What a line of a foreign list says. */
export interface ForeignLine {
  /** Below the root: to be checked before it is used. */
  readonly path: string;
  readonly date: Timestamp;
  /** Bytes; `null`: the list does not tell. */
  readonly size: number | null;
}

/** The fields a pattern can name; `_` stands for one that does not matter. */
const fields = ["path", "date", "size", "_"];

const fieldForm = /\{(\w+)(?::([^{}]*))?\}/g;

/** What `%` and a letter stand for in a date, as in strftime(3), and the digits each takes. */
const dateParts: Readonly<Record<string, string>> = {
  Y: "\\d{4}",
  m: "\\d{1,2}",
  d: "\\d{1,2}",
  H: "\\d{1,2}",
  M: "\\d{1,2}",
  S: "\\d{1,2}(?:\\.\\d{1,9})?",
  s: "-?\\d{1,12}(?:\\.\\d{1,9})?",
  z: "Z|[+-]\\d{2}:?\\d{2}",
};

/** Twice the longest path: in a longer line it would be long to look for where each field ends. */
const longestLine = 8_192;

/** Dates are seconds since the epoch, where a pattern does not say otherwise. */
const defaultDate = "%s";

/** Reads the lines of one kind of list. */
export class ForeignFormat {
  readonly #form: RegExp;
  readonly #dateKeys: readonly string[];

  private constructor(form: RegExp, dateKeys: readonly string[]) {
    this.#form = form;
    this.#dateKeys = dateKeys;
  }

  /** Reads a pattern, or says what is wrong with it. */
  static parse(pattern: string): Parsed<ForeignFormat> {
    const named = [...pattern.matchAll(fieldForm)].map(([, name]) => name!);
    const unknown = named.find((name) => !fields.includes(name));
    if (unknown !== undefined) return { reason: `{${unknown}} is not a field` };
    for (const needed of ["path", "date"]) {
      const count = named.filter((name) => name === needed).length;
      if (count !== 1) return { reason: `{${needed}} must be there once` };
    }
    if (named.filter((name) => name === "size").length > 1) {
      return { reason: "{size} can be there once" };
    }
    if (/[{}]/.test(pattern.replaceAll(fieldForm, ""))) {
      return { reason: "a brace belongs to no field" };
    }
    if (pattern.includes("}{")) {
      return { reason: "nothing stands between two fields" };
    }
    const dateKeys: string[] = [];
    let form = "";
    let end = 0;
    for (const match of pattern.matchAll(fieldForm)) {
      const [text, name, how] = match;
      if (how !== undefined && name !== "date") {
        return { reason: `{${name}} takes nothing after a colon` };
      }
      form += RegExp.escape(pattern.slice(end, match.index));
      end = match.index + text.length;
      if (name === "path") form += "(?<path>.+?)";
      else if (name === "size") form += "(?<size>\\d{1,15})";
      // Up to what follows, so that no line takes long to be read.
      else if (name === "_") form += upTo(pattern.slice(end).split("{")[0]!);
      else {
        const date = dateForm(how ?? defaultDate, dateKeys);
        if (date === undefined) {
          return { reason: `a date cannot be written as "${how}"` };
        }
        form += date;
      }
    }
    form += RegExp.escape(pattern.slice(end));
    return {
      value: new ForeignFormat(new RegExp(`^${form}$`, "su"), dateKeys),
    };
  }

  /** Reads a line; its path may be absolute, if it lies below `root`. */
  read(line: string, root: string): Parsed<ForeignLine> {
    if (line.length > longestLine) return { reason: "it is too long" };
    const groups = this.#form.exec(line.replace(/\r$/, ""))?.groups;
    if (groups === undefined) {
      return { reason: "it is not written as server.list_format says" };
    }
    const date = this.#date(groups);
    if (date === undefined) return { reason: "its date does not exist" };
    const given = groups.path!;
    const path = given.startsWith(`${root}/`)
      ? given.slice(root.length + 1)
      : given.replace(/^(?:\.\/)+/, "");
    const size = groups.size === undefined ? null : Number(groups.size);
    return { value: { path, date, size } };
  }

  #date(groups: Record<string, string | undefined>): Timestamp | undefined {
    if (this.#dateKeys.includes("s")) return parseTimestamp(groups.s!);
    const part = (key: string, otherwise: string) =>
      (groups[key] ?? otherwise).padStart(2, "0");
    const [whole, fraction = ""] = part("S", "0").split(".");
    const [month, day] = [part("m", "1"), part("d", "1")];
    const time = `${part("H", "0")}:${part("M", "0")}:${
      whole!.padStart(2, "0")
    }`;
    const zone = (groups.z ?? "Z").replace(/^(.\d\d)(\d\d)$/, "$1:$2");
    const milliseconds = Date.parse(
      `${groups.Y}-${month}-${day}T${time}${zone}`,
    );
    // The 31st of February would be taken for the 3rd of March.
    const isReal =
      new Date(`${groups.Y}-${month}-01T00:00:00Z`).getUTCMonth() ===
        new Date(`${groups.Y}-${month}-${day}T00:00:00Z`).getUTCMonth();
    if (Number.isNaN(milliseconds) || !isReal) return undefined;
    const nanoseconds = BigInt(milliseconds) * 1_000_000n +
      BigInt(fraction.padEnd(9, "0"));
    return timestampFromNanoseconds(nanoseconds);
  }
}

/** An expression of all before `next`; of everything where nothing follows. */
function upTo(next: string): string {
  return next === "" ? ".*" : `(?:(?!${RegExp.escape(next)}).)*`;
}

/** Makes an expression of a date's form, and notes what is in it; `undefined` if that tells no date. */
function dateForm(how: string, keys: string[]): string | undefined {
  let form = "";
  for (const [piece, key] of how.matchAll(/%(.)|[^%]+|%$/gs)) {
    if (key === undefined) {
      if (piece === "%") return undefined;
      form += RegExp.escape(piece);
      continue;
    }
    const digits = Object.hasOwn(dateParts, key) ? dateParts[key] : undefined;
    if (digits === undefined || keys.includes(key)) return undefined;
    keys.push(key);
    form += `(?<${key}>${digits})`;
  }
  const isComplete = keys.includes("s") ||
    ["Y", "m", "d"].every((key) => keys.includes(key));
  return isComplete ? form : undefined;
}
