/**
 * The list, version 1: its header and its lines, both ways. docs/list-format.md
 * is the specification. What reads never throws, whatever the bytes.
 *
 * @module
 */

import type { Parsed } from "../text/parsed.ts";
import { parseTimestamp, type Timestamp } from "../text/timestamp.ts";
import type { Digest, Entry } from "./entry.ts";
import { checkPath, decodePath, encodePath } from "./path.ts";

/** The first line. */
export interface Header {
  /** 1 to 64 of `[0-9a-zA-Z-]`, new for each new list. */
  readonly generation: string;
  readonly created: Timestamp;
}

/** A line between the header and the first entry: the writer, or what was taken over. */
export type Extension =
  /** Writer of this generation: nobody else continues it. */
  | { readonly writer: string }
  /** The generation that this one took over, and its last line that was read. */
  | { readonly from: { readonly generation: string; readonly seq: number } }
  /** Number of the following entries that were taken over. */
  | { readonly carried: number };

/** Origin of a list, from its header and extensions. */
export interface Provenance {
  readonly generation: string;
  /** Its writer; `null` if it does not name one. */
  readonly writer: string | null;
  /** The generations that it took over, the nearest first, and up to which line each. */
  readonly from: readonly {
    readonly generation: string;
    readonly seq: number;
  }[];
  /** The number of lines that it took over. */
  readonly carried: number;
}

const magic = "relais-list";
const version = "1";
const generationForm = /^[0-9a-zA-Z-]{1,64}$/;
/** Form of the name of a writer. */
const writerForm = /^[0-9A-Za-z.-]{1,64}$/;
const digestForm = /^(?:sha256:[0-9a-f]{64}|cksum:(?:0|[1-9]\d{0,9}))$/;
const numberForm = /^(?:0|[1-9]\d{0,15})$/;
const modeForm = /^[0-7]{4}$/;

/** Writes the first line, with its LF. */
export function formatHeader({ generation, created }: Header): string {
  return `${magic}\t${version}\t${generation}\t${created}\n`;
}

/** Reads the first line, without its LF. */
export function parseHeader(line: string): Parsed<Header> {
  if (line === "") return { reason: "the list is empty" };
  const [name, number, generation = "", date = "", ...others] = line.split(
    "\t",
  );
  if (name !== magic) {
    return { reason: `it is not a list: it does not begin with "${magic}"` };
  }
  if (number !== version) {
    return {
      reason:
        `its version is ${number}, and this relais reads version ${version}`,
    };
  }
  const created = parseTimestamp(date);
  if (
    !generationForm.test(generation) || created === undefined ||
    others.length > 0
  ) {
    return { reason: "its first line is not complete" };
  }
  return { value: { generation, created } };
}

/** Tells whether a line is an extension, which a reader that does not know it passes over. */
export function isExtension(line: string): boolean {
  return line.startsWith("#");
}

/** Writes an extension that relais knows, with its LF. */
export function formatExtension(extension: Extension): string {
  if ("writer" in extension) return `#writer ${extension.writer}\n`;
  if ("carried" in extension) return `#carried ${extension.carried}\n`;
  const { generation, seq } = extension.from;
  return `#from ${generation} ${seq}\n`;
}

/** Reads an extension, without its LF; `undefined` if it is none that relais knows. */
export function parseExtension(line: string): Extension | undefined {
  const [name, first = "", second, ...others] = line.split(" ");
  if (others.length > 0) return undefined;
  if (name === "#from") return parseFrom(first, second);
  if (second !== undefined) return undefined;
  if (name === "#writer" && writerForm.test(first)) return { writer: first };
  const carried = name === "#carried" ? parseNumber(first) : undefined;
  return carried === undefined ? undefined : { carried };
}

function parseFrom(generation: string, last = ""): Extension | undefined {
  const seq = parseNumber(last);
  return seq === undefined || !generationForm.test(generation)
    ? undefined
    : { from: { generation, seq } };
}

const setForm = /^#set (\d+)-(\d+)$/;

/** The lines of one run of a publisher: their files belong together. */
export interface SetOfLines {
  readonly first: number;
  readonly last: number;
}

/** The set of a list in which none has ended yet: the lines that follow wait for theirs. */
export const noSet: SetOfLines = { first: 0, last: 0 };

/** Writes the extension that ends a set, with its LF. */
export function formatSet({ first, last }: SetOfLines): string {
  return `#set ${first}-${last}\n`;
}

/** Reads the extension that ends a set, without its LF; `undefined` if it is another one. */
export function parseSet(line: string): SetOfLines | undefined {
  const [, from, to] = setForm.exec(line) ?? [];
  const [first, last] = [parseNumber(from ?? ""), parseNumber(to ?? "")];
  if (first === undefined || last === undefined || first > last) {
    return undefined;
  }
  return first === 0 && last > 0 ? undefined : { first, last };
}

/** Writes one line, with its LF. */
export function formatLine(entry: Entry): string {
  const { seq, op, published, mtime, size, digest } = entry;
  const mode = entry.mode === null
    ? "-"
    : entry.mode.toString(8).padStart(4, "0");
  const path = encodePath(entry.path);
  return `${seq}\t${op}\t${published}\t${mtime}\t${size}\t${mode}\t${
    digest ?? "-"
  }\t${path}\n`;
}

/** Reads one line, without its LF. */
export function parseLine(line: string): Parsed<Entry> {
  const fields = line.split("\t");
  if (fields.length !== 8) {
    return { reason: `it has ${fields.length} fields, not 8` };
  }
  const [seq, op, published, mtime, size, mode, digest, path] =
    fields as Fields;
  if (op !== "+" && op !== "-") {
    return { reason: `its operation is "${op}", not + or -` };
  }
  const entry: Attempt = {
    seq: parseNumber(seq),
    op,
    published: parseTimestamp(published),
    mtime: parseTimestamp(mtime),
    size: parseNumber(size),
    mode: parseMode(mode),
    digest: parseDigest(digest),
    path: decodePath(path),
  };
  const reason = whatIsWrong(entry);
  return reason === undefined ? { value: entry as Entry } : { reason };
}

type Fields = [string, string, string, string, string, string, string, string];

/** An entry in which `undefined` stands for what could not be read. */
type Attempt = { [Field in keyof Entry]: Entry[Field] | undefined };

function whatIsWrong(entry: Attempt): string | undefined {
  if (entry.seq === undefined || entry.seq === 0) {
    return "its number is not a positive integer";
  }
  if (entry.published === undefined) {
    return "its date of publication is malformed";
  }
  if (entry.mtime === undefined) return "its date is malformed";
  if (entry.size === undefined) return "its size is not a number of bytes";
  if (entry.mode === undefined) return "its mode is not four octal digits";
  if (entry.digest === undefined) return "its digest is malformed";
  if (entry.path === undefined) {
    return "its path is not valid UTF-8 in %XX form";
  }
  if (
    entry.op === "-" &&
    (entry.size !== 0 || entry.mode !== null || entry.digest !== null)
  ) {
    return "a withdrawal has size 0, no mode and no digest";
  }
  return checkPath(entry.path);
}

function parseNumber(text: string): number | undefined {
  const value = Number(text);
  return numberForm.test(text) && Number.isSafeInteger(value)
    ? value
    : undefined;
}

function parseMode(text: string): number | null | undefined {
  if (text === "-") return null;
  return modeForm.test(text) ? Number.parseInt(text, 8) : undefined;
}

function parseDigest(text: string): Digest | null | undefined {
  if (text === "-") return null;
  return digestForm.test(text) ? text as Digest : undefined;
}
