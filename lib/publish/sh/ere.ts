/**
 * Globs as extended regular expressions of POSIX on bytes, for awk.
 *
 * Only `globToRegExp` defines the meaning of a glob: its regular expression is
 * translated piece by piece, so that both publishers take the same files.
 *
 * @module
 */

import { globToRegExp } from "@std/path/posix";

/** A range of numbers, both ends included. */
type Range = readonly [first: number, last: number];

/** The pieces of what `globToRegExp` writes. */
const pieces =
  /(?<globstar>\(\?:\[\^\/\]\*\(\?:\\\/\|\$\)\+\)\*)|(?<within>\[\^\/\]\*)|(?<group>\(\?:)|(?<characters>\.|\[(?:\\.|[^\\\]])*\])|\\(?<escaped>.)|(?<syntax>[$^*+|)])|(?<literal>.)/gsu;

/** A byte that no UTF-8 has; where it may be left out, it stands for nothing. */
const never = String.raw`\377`;

/**
 * Returns the extended regular expression that matches a path in UTF-8 if one
 * of `globs` names it. It is written for `awk -v`, which reads `\ddd` as a byte
 * and `\\` as a backslash.
 */
export function globsToEre(globs: readonly string[]): string {
  return globs.map(globToEre).join("|");
}

function globToEre(glob: string): string {
  const { source } = globToRegExp(glob, { extended: false, globstar: true });
  let ere = "";
  /** True if an alternative begins here. */
  let begins = false;
  for (
    const { 0: text, index, groups: piece = {} } of source.matchAll(pieces)
  ) {
    if (piece.globstar !== undefined) {
      // It ends with "/" or with the path; and then nothing but this can follow.
      const rest = new RegExp(`^${source.slice(index + text.length)}`);
      if (rest.test("")) return `${ere}.*$`;
    }
    // POSIX knows no empty alternatives.
    if (begins && /^[|)]$/.test(piece.syntax ?? "")) ere += `${never}*`;
    begins = piece.group !== undefined || piece.syntax === "|";
    ere += pieceToEre(piece);
  }
  return ere;
}

function pieceToEre(piece: Record<string, string | undefined>): string {
  if (piece.globstar !== undefined) return "(.*/)?";
  if (piece.within !== undefined) return "[^/]*";
  if (piece.group !== undefined) return "(";
  if (piece.syntax !== undefined) return piece.syntax;
  if (piece.characters !== undefined) return classToEre(piece.characters);
  return literalToEre(piece.escaped ?? piece.literal!);
}

/** Characters that are not literal in a bracket expression. */
const special = /[\[\]\\^-]/;

function literalToEre(character: string): string {
  if (character === "^") return String.raw`\\^`;
  if (character === "\\") return String.raw`\\\\`;
  if (/[.*+?(){}|$[\]]/.test(character)) return `[${character}]`;
  return [...new TextEncoder().encode(character)].map(byteToEre).join("");
}

function byteToEre(byte: number): string {
  const character = String.fromCharCode(byte);
  return /[0-9A-Za-z /_.,:;=@~#%-]/.test(character)
    ? character
    : `\\${byte.toString(8).padStart(3, "0")}`;
}

/** Translates a class of characters of JavaScript, by asking it for each character. */
function classToEre(source: string): string {
  const expression = new RegExp(`^${source}$`);
  const within = (code: number) => expression.test(String.fromCharCode(code));
  const characters = rangesWhere(within, 0x1, 0xffff);
  const bytes = characters.flatMap(([first, last]) =>
    rangesWhere(
      (code) => !special.test(String.fromCharCode(code)),
      first,
      Math.min(last, 0x7f),
    )
  );
  const specials = [...`[]\\^-`].filter((one) => within(one.charCodeAt(0)));
  const alternatives = [
    ...bytes.length > 0 ? [`[${bytes.map(rangeToEre).join("")}]`] : [],
    ...specials.map(literalToEre),
    ...characters.filter(([, last]) => last > 0x7f)
      .map(([first, last]): Range => [Math.max(first, 0x80), last])
      .flatMap(sequences),
  ];
  return alternatives.length === 0 ? never : `(${alternatives.join("|")})`;
}

/** Returns the ranges of the numbers from `first` to `last` that pass `test`. */
function rangesWhere(
  test: (number: number) => boolean,
  first: number,
  last: number,
): Range[] {
  const ranges: Range[] = [];
  for (let number = first; number <= last; number++) {
    // Surrogates are no characters, and UTF-8 has none.
    if (number >= 0xd800 && number <= 0xdfff || !test(number)) continue;
    const [start, end] = ranges.at(-1) ?? [];
    if (start !== undefined && end === number - 1) {
      ranges[ranges.length - 1] = [start, number];
    } else ranges.push([number, number]);
  }
  return ranges;
}

/** Returns the sequences of bytes that are the characters of a range above ASCII. */
function sequences([first, last]: Range): string[] {
  for (const end of ends(first, last)) {
    if (first <= end && end < last) {
      return [...sequences([first, end]), ...sequences([end + 1, last])];
    }
  }
  const [from, to] = [first, last].map((code) =>
    new TextEncoder().encode(String.fromCodePoint(code))
  );
  return [
    Array.from(from!, (byte, index) => {
      const range = rangeToEre([byte, to![index]!]);
      return byte === to![index] ? range : `[${range}]`;
    }).join(""),
  ];
}

/** Yields the cuts of a range, so that each byte of its sequences has a range of its own. */
function* ends(first: number, last: number): Generator<number> {
  yield 0x7ff;
  for (const mask of [0x3f, 0xfff]) {
    if ((first & ~mask) === (last & ~mask)) continue;
    if ((first & mask) !== 0) yield first | mask;
    if ((last & mask) !== mask) yield (last & ~mask) - 1;
  }
}

function rangeToEre([first, last]: Range): string {
  return first === last
    ? byteToEre(first)
    : `${byteToEre(first)}-${byteToEre(last)}`;
}
