/**
 * The kinds of values that keys can have, and the message for a value that is of
 * another kind.
 *
 * @module
 */

import { normalize } from "@std/path/posix";
import * as v from "valibot";
import { whatIsExpected } from "../text/glob.ts";
import type { Account } from "./accounts.ts";
import { show } from "./problem.ts";
import {
  parseDuration,
  parseMaxDelete,
  parseRate,
  parseShare,
  parseSize,
} from "./units.ts";

/** What a value is in the file, and what is made of it. */
export interface Kind<Input = unknown, Output = unknown>
  extends v.GenericSchema<Input, Output> {
  /** A phrase for messages and the manual: `a whole number from 1 to 100`. */
  readonly what: string;
  /** What ends the name of the value in the rest of relais. */
  readonly unit?: "Ms";
}

/** Milliseconds, from a text with units. */
interface Duration extends Kind<string, number> {
  readonly unit: "Ms";
}

type Message = (wrong: { input: unknown }) => string;

/** Makes the message of a wrong value. */
export function expected(what: string): Message {
  return ({ input }) => `expected ${what}, found ${show(input)}`;
}

/** Makes a kind of a schema that is given the message of a wrong value. */
export function kind<Input, Output>(
  what: string,
  make: (message: Message) => v.GenericSchema<Input, Output>,
): Kind<Input, Output> {
  return Object.assign(make(expected(what)), { what });
}

/** A text, which may be empty. */
export const anyText = kind("a text", (message) => v.string(message));

/** A text that is not empty. */
const text = matching(/./s, "a text that is not empty");

/** `true` or `false`. */
export const flag = kind("true or false", (message) => v.boolean(message));

/** Whether the files of a set appear together, and in which order sets do. */
export const setsMode = kind(
  'true, false or "ordered"',
  (message) =>
    v.union([v.boolean(), v.literal("ordered")], message) as v.GenericSchema<
      boolean | "ordered",
      boolean | "ordered"
    >,
);

/** A text that has a form. */
export function matching(form: RegExp, what: string): Kind<string, string> {
  return kind(
    what,
    (message) => v.pipe(v.string(message), v.regex(form, message)),
  );
}

/** One of a few words. */
export function oneOf<const Word extends string>(
  ...words: readonly Word[]
): Kind<Word, Word> {
  const quoted = words.map((word) => `"${word}"`);
  const what = `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`;
  return kind(what, (message) => v.picklist(words, message));
}

/** A whole number. */
export function whole(least: number, most: number): Kind<number, number> {
  return kind(`a whole number from ${least} to ${most}`, (message) =>
    v.pipe(
      v.number(message),
      v.integer(message),
      v.minValue(least, message),
      v.maxValue(most, message),
    ));
}

/** A list, each element of one kind. */
export function list<Input, Output>(
  element: Kind<Input, Output>,
  what: string,
): Kind<readonly Input[], readonly Output[]> {
  return kind(what, (message) => v.array(element, message));
}

/** One value, or a list of them; a list in the end. */
export function oneOrMore<Input, Output>(
  element: Kind<Input, Output>,
  what: string,
): Kind<Input | readonly Input[], readonly Output[]> {
  const many = list(element, what);
  return kind(what, () =>
    v.pipe(
      v.lazy<
        v.GenericSchema<Input | readonly Input[], Output | readonly Output[]>
      >((input) => Array.isArray(input) ? many : element),
      v.transform((given) => [given].flat() as readonly Output[]),
    ));
}

/** A value that `parse` turns into another one. */
function parsed<Input, Output>(
  what: string,
  given: (message: Message) => v.GenericSchema<Input, Input>,
  parse: (given: Input) => Output | undefined,
): Kind<Input, Output> {
  return kind(what, (message) =>
    v.pipe(
      given(message),
      v.check((value) => parse(value) !== undefined, message),
      v.transform((value) => parse(value)!),
    ));
}

/** A text with a unit that `parse` knows, as a number from that of `least` to that of `most`. */
function measured(
  what: string,
  parse: (text: string) => number | undefined,
  least: string,
  most?: string,
): Kind<string, number> {
  const lower = parse(least)!;
  const upper = most === undefined ? Infinity : parse(most)!;
  return parsed(what, v.string<Message>, (given) => {
    const value = parse(given);
    return value !== undefined && value >= lower && value <= upper
      ? value
      : undefined;
  });
}

/** A duration from `least` to `most`; of any length if they are not given. */
export function duration(least = "0", most?: string): Duration {
  const what = most === undefined
    ? 'a duration, like "5s" or "1m30s"'
    : `a duration from "${least}" to "${most}", like "1m30s"`;
  const made = measured(what, parseDuration, least, most);
  return Object.assign(made, { unit: "Ms" } as const);
}

/** One wait for somebody else. A timer cannot wait for longer than some 24 days. */
export const limit = duration("100ms", "1d");

/** Bytes. */
export function size(least: string): Kind<string, number> {
  const what = `a size of at least "${least}", like "10MB" or "64KiB"`;
  return measured(what, parseSize, least);
}

/** Bytes at which something begins; "never": `Infinity`. */
export function sizeOrNever(least: string): Kind<string, number> {
  const what = `a size of at least "${least}", like "4MiB", or "never"`;
  const parse = (text: string) => text === "never" ? Infinity : parseSize(text);
  return measured(what, parse, least);
}

/** Bytes a second; 0: no limit. */
export const rate = measured(
  'a rate, like "20MB/s", or "0" for no limit',
  parseRate,
  "0",
);

/** A share of the files here, or a number of files. */
export const maxDelete = parsed(
  'a share, like "10%", or a number of files, like 100',
  (message) => v.union([v.string(), v.number()], message),
  parseMaxDelete,
);

/** A share: from 0 to 1. */
export const share = parsed(
  'a share, like "50%"',
  v.string<Message>,
  parseShare,
);

/** Permission bits in octal digits, of a form; "keep", if the form has it: `null`. */
export function mode(
  form: RegExp,
  what: string,
): Kind<string, number | null> {
  return kind(what, (message) =>
    v.pipe(
      v.string(message),
      v.regex(form, message),
      v.transform((given) =>
        given === "keep" ? null : Number.parseInt(given, 8)
      ),
    ));
}

/** The name or number of an account that `find` knows; empty: `null`. */
export function account(
  find: (name: string) => Account | undefined,
  what: string,
): Kind<string, Account | null> {
  return parsed<string, Account | null>(
    `the name or number of a ${what} of this machine, or ""`,
    v.string<Message>,
    (name) => name === "" ? null : find(name),
  );
}

/** An absolute path, in its shortest form: no `//`, no `/` at the end. */
export const path = kind('an absolute path without ".."', (message) =>
  v.pipe(
    v.string(message),
    v.regex(/^\/(?!(?:.*\/)?\.\.(?:\/|$))[^\0]*$/s, message),
    v.transform((given) => normalize(given).replace(/(?<=.)\/$/, "")),
  ));

/** The path of a directory that is relais's own to fill. */
export const ownDirectory = kind(path.what, () =>
  v.pipe(
    path,
    v.check((given) => given !== "/", expected('a directory below "/"')),
  ));

/** An absolute path, or empty. */
export function optionalPath(
  form: RegExp,
  what: string,
): Kind<string, string> {
  return kind(`${what}, or "" for none`, (message) =>
    v.pipe(
      v.string(message),
      v.check((given) => given === "" || form.test(given), message),
      v.check(
        (given) => !/\/\.\.(?:\/|$)|\/\.$/.test(given),
        expected(`${what} without ".." and not ending in "."`),
      ),
      v.transform((given) => given === "" ? given : normalize(given)),
    ));
}

const addressForm =
  'an address, like "https://hc.example/0f3c", or "" for none';

/** An address to send requests to, or empty. */
export const address = kind(addressForm, () =>
  v.pipe(
    v.string(`expected ${addressForm}`),
    v.check(
      (given) =>
        given === "" ||
        /^https?:\/\/[^\s?#]+[^\s?#/]$/.test(given) && URL.canParse(given),
      // What was found is not shown: it is as good as a key.
      `expected ${addressForm}`,
    ),
  ));

/** A glob that can match a path. */
const glob = kind(text.what, () =>
  v.pipe(
    text,
    v.check(
      (given) => whatIsExpected(given) === undefined,
      ({ input }) => expected(whatIsExpected(input)!)({ input }),
    ),
  ));

/** A list of globs. */
export const globs = list(glob, 'a list of globs, like ["stock/**", "*.csv"]');
