/**
 * From the text of the configuration file to its tables and keys.
 *
 * @module
 */

import { getStaticTOMLValue, ParseError, parseTOML } from "toml-eslint-parser";
import { Positions } from "./position.ts";
import { tell, unusable } from "./problem.ts";

/** A file that is valid TOML; what its keys mean is not known yet. */
export interface Document {
  /** Tables by name; each an object, or an array of objects if all is well. */
  readonly tables: Readonly<Record<string, unknown>>;
  /** Where everything stands. Costs a walk of the whole file, so it is asked for only once something is wrong. */
  readonly positions: () => Positions;
}

/**
 * Parses TOML.
 *
 * @throws {ConfigError} If it is none; it names the line and the column.
 */
export function parseSyntax(text: string, file: string): Document {
  try {
    const document = parseTOML(text);
    return {
      tables: getStaticTOMLValue(document),
      positions: () => new Positions(document),
    };
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    const { lineNumber: line, column } = error;
    const what = plainly(error.message, text.split("\n", line).at(-1) ?? "");
    const place = { line, column: column + 1 };
    throw unusable(file, [tell(file, place, { path: [], what })]);
  }
}

/** What the parser's commoner messages mean to somebody who edits a file twice a year. */
const meanings: Readonly<Record<string, string>> = {
  "Defining a key multiple times is invalid":
    "this key or table is there already, further up",
  "Expected equal (=) token": "expected = after the key",
  "Must be a newline": "expected the end of the line after the value",
  "Unspecified values are invalid": "expected a value",
  "Unterminated string constant": "the quotes of this text are not closed",
  "Unterminated array": "the [ of this list is not closed",
  "The key, equals sign, and value must be on the same line":
    "expected a key, = and a value on one line; is a ] missing before?",
};

function plainly(message: string, line: string): string {
  const what = meanings[message] ??
    message.charAt(0).toLowerCase() + message.slice(1);
  const [, key] = unquoted.exec(line) ?? [];
  return key === undefined
    ? what
    : `${what}; a text stands in quotes, like ${key} = "…"`;
}

/** A key with a value that has no quotes, is no number, list, table or flag: the commonest slip. */
const unquoted =
  /^\s*([\w-]+)\s*=\s*(?![\d_+-]+\s*(?:#|$)|true\b|false\b)[^\s"'[{#=][^"'#=]*(?:#.*)?$/;
