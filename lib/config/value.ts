/**
 * The kinds of values that keys can have, and what is said of a value that is
 * of another kind.
 *
 * @module
 */

import { normalize } from "@std/path/posix";
import * as v from "valibot";
import { compileGlobs } from "../text/glob.ts";
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
export type Kind<Input, Output = Input> = v.GenericSchema<Input, Output>;

/** Makes the message of a wrong value. */
export function expected(what: string): (wrong: { input: unknown }) => string {
  return ({ input }) => `expected ${what}, found ${show(input)}`;
}

/** A text, which may be empty. */
export const anyText = v.string(expected("a text"));

/** A text that is not empty. */
const text = matching(/./s, "a text that is not empty");

/** `true` or `false`. */
export const flag = v.boolean(expected("true or false"));

/** A text that has a form. */
export function matching(form: RegExp, what: string): Kind<string> {
  return v.pipe(v.string(expected(what)), v.regex(form, expected(what)));
}

/** One of a few words. */
export function oneOf<const Word extends string>(
  words: readonly Word[],
): Kind<Word> {
  const quoted = words.map((word) => `"${word}"`);
  const what = `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`;
  return v.picklist(words, expected(what));
}

/** A whole number. */
export function whole(least: number, most: number): Kind<number> {
  const message = expected(`a whole number from ${least} to ${most}`);
  return v.pipe(
    v.number(message),
    v.integer(message),
    v.minValue(least, message),
    v.maxValue(most, message),
  );
}

/** A list, each element of one kind. */
export function list<Input, Output>(
  element: Kind<Input, Output>,
  what: string,
): Kind<Input[], Output[]> {
  return v.array(element, expected(what));
}

/** One value, or a list of them; a list in the end. */
export function oneOrMore<Input, Output>(
  element: Kind<Input, Output>,
  what: string,
): Kind<Input | Input[], Output[]> {
  return v.pipe(
    v.lazy<Kind<Input | Input[], Output | Output[]>>((input) =>
      Array.isArray(input) ? list(element, what) : element
    ),
    v.transform((given) => [given].flat() as Output[]),
  );
}

/** A value that `parse` turns into another one. */
function parsed<Input, Output>(
  given: Kind<Input>,
  parse: (given: Input) => Output | undefined,
  what: string,
) {
  return v.pipe(
    given,
    v.check((value) => parse(value) !== undefined, expected(what)),
    v.transform((value) => parse(value)!),
  );
}

/** A text with a unit that `parse` knows, as a number from that of `least` to that of `most`. */
function measured(
  parse: (text: string) => number | undefined,
  what: string,
  least: string,
  most?: string,
) {
  const lower = parse(least)!;
  const upper = most === undefined ? Infinity : parse(most)!;
  const inRange = (given: string) => {
    const value = parse(given);
    return value !== undefined && value >= lower && value <= upper
      ? value
      : undefined;
  };
  return parsed(v.string(expected(what)), inRange, what);
}

/** A duration of any length, in milliseconds. */
export const duration = measured(
  parseDuration,
  'a duration, like "5s" or "1m30s"',
  "0",
);

/** A duration that a timer can wait: a longer one than some 24 days would be over at once. */
export function waiting(least: string, most: string): Kind<string, number> {
  const what = `a duration from "${least}" to "${most}", like "1m30s"`;
  return measured(parseDuration, what, least, most);
}

/** Bytes. */
export function size(least: string): Kind<string, number> {
  const what = `a size of at least "${least}", like "10MB" or "64KiB"`;
  return measured(parseSize, what, least);
}

/** Bytes at which something begins; "never": `Infinity`. */
export function sizeOrNever(least: string): Kind<string, number> {
  const what = `a size of at least "${least}", like "4MiB", or "never"`;
  const parse = (text: string) => text === "never" ? Infinity : parseSize(text);
  return measured(parse, what, least);
}

/** Bytes a second; 0: no limit. */
export const rate = measured(
  parseRate,
  'a rate, like "20MB/s", or "0" for no limit',
  "0",
);

const maxDeleteForm = 'a share, like "10%", or a number of files, like 100';

/** A share of the files here, or a number of files. */
export const maxDelete = parsed(
  v.union([v.string(), v.number()], expected(maxDeleteForm)),
  parseMaxDelete,
  maxDeleteForm,
);

const shareForm = 'a share, like "50%"';

/** Permission bits in octal digits, of a form. */
export function mode(form: RegExp, what: string): Kind<string, number> {
  return v.pipe(
    matching(form, what),
    v.transform((digits) => Number.parseInt(digits, 8)),
  );
}

/** The name or number of an account that `find` knows; empty: `null`. */
export function account(
  find: (name: string) => Account | undefined,
  what: string,
): Kind<string, Account | null> {
  const form = `the name or number of a ${what} of this machine, or ""`;
  const parse = (name: string) => name === "" ? null : find(name);
  return parsed(v.string(expected(form)), parse, form);
}

/** A share: from 0 to 1. */
export const share = parsed(
  v.string(expected(shareForm)),
  parseShare,
  shareForm,
);

const pathForm = 'an absolute path without ".."';

/** An absolute path, in its shortest form: no `//`, no `/` at the end. */
export const path = v.pipe(
  v.string(expected(pathForm)),
  v.regex(/^\/(?!(?:.*\/)?\.\.(?:\/|$))[^\0]*$/s, expected(pathForm)),
  v.transform((given) => normalize(given).replace(/(?<=.)\/$/, "")),
);

/** The path of a directory that is relais's own to fill. */
export const ownDirectory = v.pipe(
  path,
  v.check((given) => given !== "/", expected('a directory below "/"')),
);

/** An absolute path, or empty. */
export function optionalPath(form: RegExp, what: string): Kind<string> {
  const message = expected(`${what}, or "" for none`);
  return v.pipe(
    v.string(message),
    v.check((given) => given === "" || form.test(given), message),
    v.transform((given) => given === "" ? given : normalize(given)),
  );
}

const addressForm =
  'an address, like "https://hc.example/0f3c", or "" for none';

/** An address to send requests to, or empty. */
export const address = v.pipe(
  v.string(`expected ${addressForm}`),
  v.check(
    (given) =>
      given === "" ||
      /^https?:\/\/[^\s?#]+[^\s?#/]$/.test(given) && URL.canParse(given),
    // What was found is not shown: it is as good as a key.
    `expected ${addressForm}`,
  ),
);

/** A glob that {@link compileGlobs} takes. */
export const glob = v.pipe(
  text,
  v.check(
    (given) => !given.split("/").includes(".."),
    expected('a glob without ".."'),
  ),
  v.check(
    (given) => !/(?:^|\/)\.(?:\/|$)|\/\//.test(given),
    expected('a glob without "./" and "//", which match no path'),
  ),
  v.check(isGlob, expected('a glob with ranges that go upwards, like "[a-z]"')),
);

function isGlob(given: string): boolean {
  try {
    compileGlobs([given]);
    return true;
  } catch {
    // A range from a later to an earlier character makes an impossible expression.
    return false;
  }
}
